// A client whose options come from the environment.
import { io } from 'socket.io-client';

const socket = io(process.env.URL, JSON.parse(process.env.OPTIONS ?? '{}'));

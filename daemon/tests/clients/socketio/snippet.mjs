import { io } from 'socket.io-client';

const socket = io('http://localhost:3001');

// Subscribe to environment
socket.emit('subscribe', 'staging');

// Listen for flag updates
socket.on('flag:updated', (data) => {
  console.log('Flag updated:', data.flagKey, data.config);
  // Update your UI
});

socket.on('flag:toggled', (data) => {
  console.log('Flag toggled:', data.flagKey, data.enabled);
  // Update your UI
});

// Follows a script that has a `socket`: tells what happens to it, and does what standard input says.
import { createInterface } from 'node:readline';

socket.io.on('open', () => {
  const { engine } = socket.io;
  console.log('open', engine.transport.name);
  engine.on('upgrade', (transport) => console.log('upgrade', transport.name));
});
socket.on('connect', () => console.log('connect', socket.recovered ? 'recovered' : 'new'));
socket.on('connect_error', (error) => console.log('connect_error', error.message, error.data?.code));
socket.on('disconnect', (reason) => console.log('disconnect', reason));
socket.on('subscribed', (data) => console.log('subscribed', JSON.stringify(data)));
socket.on('subscribe_error', (data) => console.log('subscribe_error', JSON.stringify(data)));
socket.on('flag:created', (data) => console.log('created', JSON.stringify(data)));
socket.on('flag:archived', (data) => console.log('archived', JSON.stringify(data)));
socket.on('flag:updated', (data) => console.log('updated', JSON.stringify(data)));
socket.on('flag:toggled', (data) => console.log('toggled', JSON.stringify(data)));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [command, ...rest] = line.split(' ');
    const argument = rest.length > 0 ? JSON.parse(rest.join(' ')) : undefined;
    if (command === 'drop') socket.io.engine.close();
    else if (command === 'ack') socket.emit(...argument, (answer) => console.log('ack', JSON.stringify(answer)));
    else if (command === 'emit') socket.emit(...argument);
  })
  .on('close', () => process.exit(0));

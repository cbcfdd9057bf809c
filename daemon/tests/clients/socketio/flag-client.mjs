import { io } from 'socket.io-client';

class FeatureFlagClient {
  flags = {};
  socket;

  async initialize() {
    // Fetch initial flags
    const response = await fetch(
      `${API_URL}/environments/${environment}/flags`
    );
    this.flags = await response.json();

    // Set up WebSocket for real-time updates
    this.socket = io(WS_URL);
    this.socket.emit('subscribe', environment);

    this.socket.on('flag:updated', (data) => {
      this.flags[data.flagKey] = data.config;
      this.notifyListeners();
    });
  }

  getFlags() {
    return this.flags;
  }
}

// Follows flag-client.mjs: says after each event whether its map is what a fresh GET answers.
const API_URL = process.env.URL + '/api';
const WS_URL = process.env.URL;
const environment = 'staging';

const sorted = (value) =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
    : Array.isArray(value)
      ? value.map(sorted)
      : value;

FeatureFlagClient.prototype.notifyListeners = async function () {
  const mine = JSON.stringify(sorted(this.getFlags()));
  const response = await fetch(`${API_URL}/environments/${environment}/flags`);
  const fresh = JSON.stringify(sorted(await response.json()));
  console.log(mine === fresh ? 'equal' : `different ${mine} ${fresh}`);
};

const client = new FeatureFlagClient();
await client.initialize();
const socket = client.socket;

// The Node command line that the product came from, against a small API that asks Keywright about every key.
'use strict';

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const axios = require('axios');

const EMAIL = 'ada@example.com';
const PASSWORD = 'violet kettle under the bridge';

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function startKeywright(folder) {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(process.env.KEYWRIGHT_BIN, ['serve'], {
    env: {
      PATH: process.env.PATH, KEYWRIGHT_LISTEN: `127.0.0.1:${port}`, KEYWRIGHT_DATA: path.join(folder, 'data'),
      KEYWRIGHT_ADMIN_EMAIL: EMAIL, KEYWRIGHT_ADMIN_PASSWORD: PASSWORD, KEYWRIGHT_TENANT: 'my-tenant',
    },
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 400; tries += 1) {
    try {
      await axios.get(`${base}/readyz`);
      return { base, child };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error('keywright did not start');
}

// The protected API: which permission each method needs, asked of Keywright for every request.
const NEEDED = { GET: 'api:read', POST: 'api:write', DELETE: 'api:write' };

function protectedApi(base, verifier) {
  const resources = new Map();
  return http.createServer(async (request, response) => {
    const key = (request.headers.authorization || '').replace(/^Bearer /, '');
    const { data: verdict } = await axios.post(`${base}/api/v1/verify`, { key, permissions: NEEDED[request.method] }, {
      headers: { Authorization: `Bearer ${verifier}` },
    });
    const answer = (status, body) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (!verdict.valid) return answer(verdict.status, { error: verdict.error, error_description: verdict.error_description });
    let text = '';
    for await (const part of request) text += part;
    if (request.method === 'POST') {
      const made = { id: `r${resources.size + 1}`, ...JSON.parse(text) };
      resources.set(made.id, made);
      return answer(201, made);
    }
    if (request.method === 'DELETE') resources.delete(request.url.split('/').pop());
    return answer(200, [...resources.values()]);
  });
}

// The class as its author wrote it, but that the folder of its configuration is an argument.
class APIClient {
  constructor(home) {
    const configPath = path.join(home, '.myapp', 'config.json');
    const config = JSON.parse(fs.readFileSync(configPath, 'utf8'));
    this.apiKey = config.apiKey;
    this.baseURL = config.baseURL || 'http://localhost:3000';
  }

  async request(method, endpoint, data = null) {
    const config = {
      method,
      url: `${this.baseURL}${endpoint}`,
      headers: { Authorization: `Bearer ${this.apiKey}`, 'Content-Type': 'application/json' },
    };
    if (data) config.data = data;
    const response = await axios(config);
    return response.data;
  }

  async listResources() { return this.request('GET', '/api/v1/resources'); }

  async createResource(name, type) { return this.request('POST', '/api/v1/resources', { name, type }); }

  async deleteResource(id) { return this.request('DELETE', `/api/v1/resources/${id}`); }
}

test('the command line of the seed works with our keys', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keywright-node-'));
  const { base, child } = await startKeywright(folder);
  try {
    const login = await axios.post(`${base}/api/v1/auth/login`, { email: EMAIL, password: PASSWORD });
    const headers = { Authorization: `Bearer ${login.data.access_token}` };
    const create = async (wish) => (await axios.post(`${base}/api/v1/tenant/my-tenant/api-keys/create`, wish, { headers })).data;
    const verifier = await create({ kind: 'system', scopes: ['keywright:verify'] });
    const api = protectedApi(base, verifier.api_key);
    await new Promise((resolve) => api.listen(0, '127.0.0.1', resolve));
    const writer = await create({ name: 'CLI', scopes: ['api:write'] });
    fs.mkdirSync(path.join(folder, '.myapp'));
    const config = { apiKey: writer.api_key, baseURL: `http://127.0.0.1:${api.address().port}` };
    fs.writeFileSync(path.join(folder, '.myapp', 'config.json'), JSON.stringify(config));

    const client = new APIClient(folder);
    const made = await client.createResource('first', 'automated');
    assert.deepStrictEqual(await client.listResources(), [made]);
    await client.deleteResource(made.id);
    assert.deepStrictEqual(await client.listResources(), []);

    await axios.post(`${base}/api/v1/tenant/my-tenant/api-keys/${writer.id}/revoke`, null, { headers });
    await assert.rejects(client.listResources(), (error) => {
      assert.strictEqual(error.response.status, 401);
      assert.deepStrictEqual(error.response.data, { error: 'invalid_token', error_description: 'API key has been revoked' });
      return true;
    });
    api.close();
  } finally {
    child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

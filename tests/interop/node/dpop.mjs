// A workload and an API that both speak DPoP (RFC 9449) by `oauth4webapi`, which neither of them wrote.
//
// argv[2]: {"issuer", "audience", "parameters"}: where to exchange, for which API, and the form's own members. The workload
// exchanges with a proof, again with the nonce that it is told, and calls the API; so does whoever stole its token. Prints one
// line of JSON: what the answer said, how often a nonce was asked for, and how the API judged each call.
import { createServer } from 'node:http';
import * as oauth from 'oauth4webapi';

const { issuer, audience, parameters } = JSON.parse(process.argv[2]);
const insecure = { [oauth.allowInsecureRequests]: true };
const client = { client_id: 'workload' };
const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
const told = { dpopAlgorithms: server.dpop_signing_alg_values_supported, nonces: 0 };

const keyPair = await oauth.generateKeyPair('ES256');
const DPoP = oauth.DPoP(client, keyPair);
let tokens;
try {
  tokens = await exchange();
} catch (error) {
  if (!oauth.isDPoPNonceError(error)) await refused(error);
  told.nonces += 1;
  tokens = await exchange().catch(refused);
}
Object.assign(told, { type: tokens.token_type, claims: JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url')) });

const api = createServer(async (request, response) => {
  const url = `http://${request.headers.host}${request.url}`;
  const seen = new Request(url, { method: request.method, headers: request.headers });
  const judged = oauth.validateJwtAccessToken(server, seen, audience, { signingAlgorithms: ['ES256'], ...insecure });
  const [status, body] = await judged.then((claims) => [200, claims.sub], (error) => [401, error.message]);
  response.writeHead(status, status === 401 ? { 'www-authenticate': 'DPoP error="invalid_token"' } : {}).end(body);
});
await new Promise((listening) => api.listen(0, '127.0.0.1', listening));
const url = new URL(`http://127.0.0.1:${api.address().port}/v1/models`);
const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
told.called = await call({ DPoP });
told.twice = await call({ DPoP });
told.asBearer = await call({});
told.byAnotherKey = await call({ DPoP: thief });
console.log(JSON.stringify(told));
api.close();
process.exit(0);

async function exchange() {
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const response = await oauth.genericTokenEndpointRequest(server, client, oauth.None(), grant, parameters, { DPoP, ...insecure });
  return oauth.processGenericTokenEndpointResponse(server, client, response);
}

async function call(options) {
  try {
    return (await oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, undefined, { ...options, ...insecure })).status;
  } catch (error) {
    return error.response?.status ?? error.status ?? String(error);
  }
}

async function refused(error) {
  console.log(JSON.stringify({ ...told, error: error.error ?? String(error), description: error.error_description }));
  process.exit(0);
}

// A protected API, just large enough for the OpenAI SDKs to call: a resource server of RFC 9068.
//
// argv[2]: {"issuer", "audience", "address", "port", "certificate"?, "key"?, "log"}. It finds the keys of `issuer` by
// discovery, trusts nothing but signature, `iss`, `aud`, `typ`, `exp` and `scope`, and appends one line of JSON to `log` for
// each answer. Prints one line of JSON when it listens: {"port"}.
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const config = JSON.parse(process.argv[2]);
const discovery = await (await fetch(`${config.issuer}/.well-known/oauth-authorization-server`)).json();
if (discovery.issuer !== config.issuer) throw new Error(`discovery is of ${discovery.issuer}, expected ${config.issuer}`);
const keys = createRemoteJWKSet(new URL(discovery.jwks_uri));

const model = { id: 'interop', object: 'model', created: 0, owned_by: 'accredit' };
const text = { type: 'output_text', text: 'hello', annotations: [] };
const message = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: [text] };
const choice = { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hello' } };
const ROUTES = {
  'GET /v1/models': ['api.model.read', { object: 'list', data: [model] }],
  'GET /v1/models/interop': ['api.model.read', model],
  'POST /v1/chat/completions': [
    'api.model.request',
    { id: 'chatcmpl_1', object: 'chat.completion', created: 0, model: model.id, choices: [choice] },
  ],
  'POST /v1/responses': [
    'api.model.request',
    { id: 'resp_1', object: 'response', created_at: 0, status: 'completed', model: model.id, output: [message] },
  ],
};
// As `GET /v1/models/interop`, but every other request, the first among them, is answered 401 whatever its token.
const REFUSED_ONCE = 'GET /v1/models/refused-once';
ROUTES[REFUSED_ONCE] = ROUTES['GET /v1/models/interop'];
let refuseNext = true;

const server = config.certificate
  ? createTlsServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) }, answer)
  : createServer(answer);
server.listen(config.port, config.address, () => console.log(JSON.stringify({ port: server.address().port })));

async function answer(request, response) {
  const route = `${request.method} ${request.url}`;
  const { status, body, ...seen } = await judge(route, request.headers.authorization);
  appendFileSync(config.log, `${JSON.stringify({ host: request.headers.host, route, status, ...seen })}\n`);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function judge(route, authorization) {
  if (!ROUTES[route]) return refuse(404, 'not_found', route);
  const [permission, body] = ROUTES[route];
  let claims, header;
  try {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: config.issuer,
      audience: config.audience,
      typ: 'at+jwt',
      algorithms: ['ES256', 'RS256'],
      requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
    });
    [claims, header] = [payload, protectedHeader];
  } catch (error) {
    return refuse(401, 'invalid_token', error.code ?? String(error));
  }
  if (route === REFUSED_ONCE) {
    refuseNext = !refuseNext;
    if (!refuseNext) return refuse(401, 'invalid_token', 'refused once', claims);
  }
  if (!(claims.scope ?? '').split(' ').includes(permission)) return refuse(403, 'insufficient_scope', permission, claims);
  return { status: 200, body, claims, header };
}

function refuse(status, code, why, claims) {
  return { status, why, claims, body: { error: { message: `${code}: ${why}`, type: 'invalid_request_error', code } } };
}

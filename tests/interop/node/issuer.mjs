// An OpenID Connect issuer that nobody here wrote: `oidc-provider`, with two keys and four clients.
//
// argv[2]: {"audience": URI, "redirectUri": URI, "people": CLIENT}. Prints one line of JSON when it listens: {"issuer", "signer"}.
// `issuer` is the provider: discovery, JWKS, authorization and token endpoint are its own. `signer` is ours, on another
// port: it signs claims that the provider would not make (GitHub's and SPIRE's shapes) with the provider's own keys.
import { createServer } from 'node:http';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const { audience, redirectUri, people } = JSON.parse(process.argv[2]);
const secret = 'not-secret-in-a-test';

const keys = {};
for (const alg of ['RS256', 'ES256']) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  keys[alg] = { privateKey, jwk: { ...(await exportJWK(privateKey)), kid: `interop-${alg}` } };
}

const listener = createServer();
const issuer = await listen(listener);
const provider = new Provider(issuer, {
  jwks: { keys: Object.values(keys).map(({ jwk }) => jwk) },
  cookies: { keys: [secret] },
  clients: [
    machine('batch'),
    machine('plain'),
    {
      client_id: audience, // an ID token's audience is its client
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
    },
    {
      client_id: people, // whom `accredit login` sends here: a native application, on any loopback port (RFC 8252)
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        audience: resource,
        scope: '',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  formats: {
    customizers: {
      // RFC 9068 types the provider's JWTs `at+jwt`, and an access token for somebody's API is no proof of who one is.
      // `batch` gets plain JWTs, as issuers of workload identity give; `plain` keeps what the provider does by itself.
      jwt: (_ctx, token, jwt) => {
        if (token.clientId === 'batch') jwt.header = { typ: 'JWT' };
      },
    },
  },
});
listener.on('request', provider.callback());

const signer = await listen(
  createServer(async (request, response) => {
    const { claims, alg, typ } = JSON.parse(await text(request));
    const header = { alg, typ, kid: keys[alg].jwk.kid };
    response.end(await new SignJWT(claims).setProtectedHeader(header).sign(keys[alg].privateKey));
  }),
);

console.log(JSON.stringify({ issuer, signer }));

function machine(client_id) {
  return { client_id, client_secret: secret, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] };
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

async function text(stream) {
  let body = '';
  for await (const chunk of stream.setEncoding('utf8')) body += chunk;
  return body;
}

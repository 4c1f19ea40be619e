// The OpenAI SDK for JavaScript, as anyone would use it; driven by lines on stdin.
//
// argv[2]: which of the installed versions, `openai-6` or `openai-7`. argv[3]: {"identityProvider", "serviceAccount",
// "subjectTokenFile", "tokenType", "refreshBufferSeconds"?, "baseUrl"?, "handleRejections"?} or {"apiKeyFile", "baseUrl"?}.
// Says {"ready": true} when the client is made; then each line on stdin names a call, and each call answers one line of JSON.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const { default: OpenAI, OAuthError } = await import(process.argv[2]);
const { k8sServiceAccountTokenProvider } = await import(`${process.argv[2]}/auth/subject-token-providers`);

const options = JSON.parse(process.argv[3]);
const client = options.apiKeyFile ? withKey() : withIdentity();

const CALLS = {
  models: () => client.models.list(),
  chat: () => client.chat.completions.create({ model: 'interop', messages: [{ role: 'user', content: 'hello' }] }),
  responses: () => client.responses.create({ model: 'interop', input: 'hello' }),
  'refused-once': () => client.models.retrieve('refused-once'),
};

if (options.handleRejections) process.on('unhandledRejection', (error) => console.error('refresh failed:', String(error)));

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await outcome(CALLS[line])));
}

function withKey() {
  const apiKey = async () => (await readFile(options.apiKeyFile, 'utf8')).trim();
  return new OpenAI({ apiKey, baseURL: options.baseUrl });
}

function withIdentity() {
  return new OpenAI({
    baseURL: options.baseUrl,
    workloadIdentity: {
      identityProviderId: options.identityProvider,
      serviceAccountId: options.serviceAccount,
      provider: subject(),
      refreshBufferSeconds: options.refreshBufferSeconds,
    },
  });
}

function subject() {
  if (options.tokenType === 'jwt') return k8sServiceAccountTokenProvider(options.subjectTokenFile);
  const getToken = async () => (await readFile(options.subjectTokenFile, 'utf8')).trim();
  return { tokenType: options.tokenType, getToken };
}

async function outcome(call) {
  try {
    await call();
    return { ok: true };
  } catch (error) {
    console.error(String(error));
    return {
      ok: false,
      type: error.constructor.name,
      oauth: error instanceof OAuthError,
      code: error.error_code ?? error.code,
      status: error.status,
      message: error.message,
      requestId: error.requestID,
    };
  }
}

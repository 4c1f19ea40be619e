// Anthropic's SDK for JavaScript, told by its environment alone; driven by lines on stdin.
//
// Says {"ready": true} when the client is made; then each line on stdin is a model, and each answers one line of JSON.
import { createInterface } from 'node:readline';
import Anthropic, { AnthropicError } from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 1 });

console.log(JSON.stringify({ ready: true }));
for await (const model of createInterface({ input: process.stdin })) console.log(JSON.stringify(await outcome(model)));

async function outcome(model) {
  try {
    const said = await client.messages.create({ model, max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] });
    return { ok: true, said: said.content[0].text };
  } catch (error) {
    if (!(error instanceof AnthropicError)) throw error;
    console.error(String(error));
    return { ok: false, status: error.statusCode, requestId: error.requestId, message: error.message };
  }
}

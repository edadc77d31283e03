// Prints how many seconds pass from the start of the post's scenario to its first output.
const { spawn } = require('node:child_process');

const started = process.hrtime.bigint();
const post = spawn(process.execPath, ['node_modules/ts-node/dist/bin.js', 'examples/post.ts'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
post.stdout.once('data', () => {
  console.log(Number(process.hrtime.bigint() - started) / 1e9);
  post.kill();
});

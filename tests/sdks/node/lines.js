// Lets a test process ask an SDK: one line of JSON in, one line of JSON out.
const { createInterface } = require('node:readline');

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
console.log = console.info = console.warn = console.error; // what an SDK prints is not an answer

/** `make(settings)` gives an object of methods, or a promise of one; the first line has the settings, every further one names a method. */
exports.serve = async (make, ...packages) => {
  let client;
  for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    try {
      if (client) {
        say({ result: (await client[told.verb](told.given)) ?? null });
      } else {
        client = await make(told);
        say({ result: Object.fromEntries(packages.map((name) => [name, require(`${name}/package.json`).version])) });
      }
    } catch (error) {
      say({ error: error.name, text: `${error.message} ${JSON.stringify(error.response?.data ?? '')}` });
    }
  }
};

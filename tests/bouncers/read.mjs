// Lets CrowdSec's bouncer for Node.js read decisions, by stream and one by one: a line of addresses in, a line of what it would do with each out.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, url, key] = process.argv.slice(2);
process.env.LOG_LEVEL = "silent";
const { CrowdSecBouncer } = await import(createRequire(`${folder}/`).resolve("@crowdsec/nodejs-bouncer"));
// A cache each: the one that the module has is shared.
const cache = () => {
    const items = new Map();
    return {
        getItem: async (key) => items.get(key) ?? null,
        setItem: async (item) => (items.set(item.key, item), item),
        deleteItem: async (key) => items.delete(key),
        clear: async () => (items.clear(), true),
    };
};
const configs = { url, bouncerApiToken: key, fallbackRemediation: "ban", bypassConnection: true };
const stream = new CrowdSecBouncer({ ...configs, streamMode: true, cacheAdapter: cache() });
for await (const line of createInterface({ input: process.stdin })) {
    await stream.refreshDecisions();
    const answer = {};
    for (const address of line.split(" ")) {
        const live = new CrowdSecBouncer({ ...configs, cacheAdapter: cache() });
        const asked = await live.getIpRemediation(address);
        const told = await stream.getIpRemediation(address);
        answer[address] = [told.remediation, asked.remediation];
    }
    console.log(JSON.stringify(answer));
}
process.exit(0);

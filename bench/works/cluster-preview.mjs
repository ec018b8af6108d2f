import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { captureOrThrow } from "../../tools/process.mjs";
import { BenchCluster } from "../bench-cluster.mjs";
import { BenchStack } from "../bench-stack.mjs";
import { made } from "../data/scratch.mjs";
import { wideLock } from "../data/wide-archive.mjs";
import { compare } from "./lock-and-preview.mjs";

/** @import { Series } from "../rounds.mjs" */

const version = "4.16.20";
/** Each becomes a CatalogSource. */
const catalogs = 20;

/**
 * Work K: what a cluster adds to a preview. The same content without a cluster, and with one that gets mirror rules, CA
 * and account, and 20 catalog objects, read from and compared with the API server.
 *
 * @param {import("../toolbox.mjs").BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function clusterPreview({ toolbox, rounds, progress, versions }) {
    const { folder } = await made("K", (place) => {
        const lock = wideLock(catalogs);
        const cluster = { catalogs: Object.keys(lock.images), releases: {}, signatures: {} };
        writeFileSync(join(place, "content.lock.json"), JSON.stringify({ ...lock, cluster }));
        return {};
    });
    const cluster = await progress.beat("starting the API server", () => BenchCluster.start(version, progress));
    try {
        versions["Kubernetes plugin"] = cluster.isOfficial ? "official" : "a stand-in of the tests";
        const site = (/** @type {object} */ keys) => ({
            registry: { type: "distribution", mirrorBase: "registry.bench.example:8443/mirror" },
            content: [{ archive: folder, lock: join(folder, "content.lock.json") }],
            cluster: { version, contactSource: "allow", ...keys },
        });
        const apply = { kubeconfigFile: cluster.kubeconfigFile };
        const stack = await BenchStack.create(toolbox, "stack", site({ apply }));
        const plain = await BenchStack.create(toolbox, "plain-stack", site({}));
        await requireObjects(withPlugin(stack, cluster.plugin));
        return await compare(rounds, progress, [
            { name: "with a cluster", role: "ours", command: withPlugin(stack, cluster.plugin) },
            { name: "without", role: "floor", command: withPlugin(plain, cluster.plugin) },
        ]);
    } finally {
        await cluster.stop();
    }
}

/**
 * @param {import("../measure.mjs").Command} command a preview
 * @throws {Error} unless it is about all that this work promises
 */
async function requireObjects({ file, args, ...options }) {
    const { steps } = JSON.parse(await captureOrThrow(file, [...args, "--json"], options));
    const wanted = { CatalogSource: catalogs, ImageDigestMirrorSet: 1, ImageTagMirrorSet: 1, ClusterTrust: 1 };
    for (const [kind, count] of Object.entries(wanted)) {
        const found = steps.filter((/** @type {{urn: string}} */ { urn }) => urn.split("::")[2]?.endsWith(kind)).length;
        if (found !== count) throw new Error(`the preview of work K has ${found} objects ${kind}, not ${count}`);
    }
}

/** @param {BenchStack} stack @param {string} plugin its folder @returns {import("../measure.mjs").Command} */
function withPlugin(stack, plugin) {
    const command = stack.command(["preview", "--suppress-outputs"]);
    return { ...command, env: { ...command.env, PATH: [plugin, command.env?.PATH].join(delimiter) } };
}

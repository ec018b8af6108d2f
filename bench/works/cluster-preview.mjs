import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { captureOrThrow } from "../../tools/process.mjs";
import { projectRoot } from "../../tools/workspace.mjs";
import { BenchCluster } from "../bench-cluster.mjs";
import { BenchStack } from "../bench-stack.mjs";
import { layoutData } from "../data/content.mjs";
import { FreshRegistry } from "../fresh-registry.mjs";
import { measure } from "../measure.mjs";
import { compare } from "./lock-and-preview.mjs";
import { BASELINE, siteDocument } from "./nothing-to-do.mjs";

/** @import { Command } from "../measure.mjs" */
/** @import { Series } from "../rounds.mjs" */
/** @import { BenchContext } from "../toolbox.mjs" */

const version = "4.16.20";
const PREVIEW = ["preview", "--suppress-outputs"];

/**
 * Work K: what a cluster adds to a preview. The same content, imported and proven, without a cluster and with one that
 * gets mirror rules, CA and account, and 20 catalog objects, read from and compared with the API server, and whose 20
 * Deployments run other images, which are looked up in the registry.
 *
 * @param {BenchContext} context
 * @returns {Promise<Series[]>}
 */
export async function clusterPreview(context) {
    const { toolbox, rounds, progress, versions } = context;
    return withProvenContent(context, async ({ site, images, registry }) => {
        const cluster = await progress.beat("starting the API server", () =>
            BenchCluster.start(version, images.map(foreign), progress),
        );
        try {
            versions["Kubernetes plugin"] = cluster.isOfficial ? "official" : "a stand-in of the tests";
            const stack = await provenStack(toolbox, "stack", site, projectRoot);
            const plain = await provenStack(toolbox, "plain-stack", site, projectRoot);
            const apply = { kubeconfigFile: cluster.kubeconfigFile };
            await stack.configure({ ...site, cluster: { ...site.cluster, apply } });
            const command = withPlugin(stack, cluster.plugin);
            const before = registry.requests().HEAD ?? 0;
            await requireObjects(command, images.length);
            const lookedUp = (registry.requests().HEAD ?? 0) - before;
            if (lookedUp < images.length) throw new Error(`the preview of work K looked ${lookedUp} images up`);
            return await compare(rounds, progress, [
                { name: "with a cluster", role: "ours", command },
                { name: "without", role: "floor", command: withPlugin(plain, cluster.plugin) },
            ]);
        } finally {
            await cluster.stop();
        }
    });
}

/**
 * The preview without a cluster, by this checkout and by another one.
 *
 * @param {BenchContext} context
 * @param {string} baseline folder of the other one
 * @returns {Promise<Series[]>}
 */
export async function plainPreview(context, baseline) {
    const { toolbox, rounds, progress } = context;
    return withProvenContent(context, async ({ site }) => {
        const stack = await provenStack(toolbox, "stack", site, projectRoot);
        const other = await provenStack(toolbox, "baseline-stack", site, baseline);
        const name = "preview without a cluster";
        return compare(rounds, progress, [
            { name, role: "ours", command: stack.command(PREVIEW) },
            { name: `${name}${BASELINE}`, role: "baseline", command: other.command(PREVIEW) },
        ]);
    });
}

/** Another image of the same host: what a run imports counts as covered without being looked up. @param {string} source */
function foreign(source) {
    return source.replace("/bench/", "/bench/other-");
}

/**
 * @typedef {object} ProvenContent
 * @property {ReturnType<typeof siteDocument> & {cluster: {version: string, contactSource: string}}} site nothing is written
 *   to its cluster
 * @property {string[]} images source references; each becomes a CatalogSource
 * @property {FreshRegistry} registry has them
 */

/**
 * Runs a registry for the content of this work.
 *
 * @template T
 * @param {BenchContext} context
 * @param {(given: ProvenContent) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withProvenContent({ progress, registry: executable }, use) {
    const data = await progress.beat("making the work data", () => layoutData("K"));
    const lock = JSON.parse(readFileSync(data.lock, "utf8"));
    const images = Object.keys(lock.images);
    const lockWithCatalogs = join(dirname(data.lock), "catalogs.lock.json");
    const cluster = { catalogs: images, releases: {}, signatures: {} };
    writeFileSync(lockWithCatalogs, JSON.stringify({ ...lock, cluster }));
    const registry = await FreshRegistry.start(executable);
    try {
        const document = siteDocument(registry, { ...data, lock: lockWithCatalogs });
        return await use({ site: { ...document, cluster: { version, contactSource: "allow" } }, images, registry });
    } finally {
        await registry.stop();
    }
}

/**
 * A stack whose content is imported and proven.
 *
 * @param {BenchContext["toolbox"]} toolbox
 * @param {string} label
 * @param {object} site
 * @param {string} checkout
 */
async function provenStack(toolbox, label, site, checkout) {
    const stack = await BenchStack.create(toolbox, label, site, checkout);
    await measure(stack.command(["up", "--yes", "--suppress-outputs"]));
    return stack;
}

/**
 * @param {Command} command a preview
 * @param {number} catalogs
 * @throws {Error} unless it is about all that this work promises: the content is there, and the rest is to be created
 */
async function requireObjects({ file, args, ...options }, catalogs) {
    const { steps } = JSON.parse(await captureOrThrow(file, [...args, "--json"], options));
    const count = (/** @type {string} */ kind) =>
        steps.filter((/** @type {{urn: string}} */ { urn }) => urn.split("::")[2]?.endsWith(`:${kind}`)).length;
    const wanted = {
        // What does not change is no step: the content is there.
        ImageImport: 0,
        ClusterAccess: 1,
        ClusterCoverage: 1,
        ClusterTrust: 1,
        ImageDigestMirrorSet: 1,
        ImageTagMirrorSet: 1,
        CatalogSource: catalogs,
    };
    for (const [kind, expected] of Object.entries(wanted)) {
        const found = count(kind);
        if (found !== expected)
            throw new Error(`the preview of work K changes ${found} objects ${kind}, not ${expected}`);
    }
}

/** @param {BenchStack} stack @param {string} plugin its folder @returns {Command} */
function withPlugin(stack, plugin) {
    const command = stack.command(PREVIEW);
    return { ...command, env: { ...command.env, PATH: [plugin, command.env?.PATH].join(delimiter) } };
}

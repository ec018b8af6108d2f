import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { projectRoot } from "../../tools/workspace.mjs";

/*
 * Serves the API of an OpenShift cluster until its stdin ends: the API server of the tests, which is written in
 * TypeScript. For each image that is named on the command line it has a Deployment. Prints {kubeconfig, plugin, isOfficial}
 * once it is ready; `plugin` is the folder of the Kubernetes plugin.
 */

const [version = "", release = "", ...images] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16 };
require.extensions[".ts"] = (/** @type {any} */ module, /** @type {string} */ file) => {
    module._compile(
        ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions, fileName: file }).outputText,
        file,
    );
};
const support = (/** @type {string} */ name) => require(join(projectRoot, "test", "support", `${name}.ts`));

/** @param {string} name @param {string} image */
const deployment = (name, image) => {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: "app", image }] } };
    const spec = { selector: { matchLabels: labels }, template };
    return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "default" }, spec };
};

const server = await support("api-server").startApiServer({ crds: release });
try {
    await support("openshift-cluster").createCluster(server.admin, { version });
    for (const [at, image] of images.entries()) await server.admin.create(deployment(`app-${at}`, image));
    const { directory, isOfficial } = support("kubernetes-plugin").kubernetesPlugin();
    process.stdout.write(`${JSON.stringify({ kubeconfig: server.kubeconfig, plugin: directory, isOfficial })}\n`);
    process.stdin.resume();
    await once(process.stdin, "end");
} finally {
    await server.stop();
}

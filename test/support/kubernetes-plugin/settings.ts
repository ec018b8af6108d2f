import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { isFile } from "./kubeconfig";
import { Secret, UNKNOWN, type PropertyMap, withoutSecrets } from "./properties";

/** Options of the provider resource that this stand-in implements, as the engine configures them: all are texts. */
export interface Settings {
    /** YAML text or a path. */
    readonly kubeconfig: string;
    readonly context: string | undefined;
    readonly mutableConfigMaps: boolean;
    readonly upsertsExisting: boolean;
    readonly forcesPatches: boolean;
    readonly deletesUnreachable: boolean;
    readonly skipsUnreachable: boolean;
}

const TEXTS = ["kubeconfig", "context", "clusterIdentifier"];
/** Each has an environment variable that counts where the option is absent (provider.go, Configure). */
const FLAGS = {
    deleteUnreachable: "PULUMI_K8S_DELETE_UNREACHABLE",
    skipUpdateUnreachable: "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    enableConfigMapMutable: "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    enablePatchForce: "PULUMI_K8S_ENABLE_PATCH_FORCE",
    enableServerSideApply: "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    upsertExistingObjects: "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    suppressDeprecationWarnings: "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
} as const;
/** Options of the official plugin without meaning for the kinds of this one, or whose work it does not do. */
const OFFICIAL_ONLY = [
    "alwaysRender",
    "cluster",
    "enableSecretMutable",
    "helmReleaseSettings",
    "kubeClientSettings",
    "namespace",
    "renderYamlToDirectory",
    "strictMode",
    "suppressHelmHookWarnings",
];
/** Set by the engine. */
const ENGINE = ["version", "pluginDownloadURL", "pluginChecksums", "__internal"];

export interface Failure {
    readonly property: string;
    readonly reason: string;
}

/** What is wrong with the arguments of a provider resource. The official plugin accepts any name; this one does not. */
export function findConfigFailures(inputs: PropertyMap): Failure[] {
    const present = Object.entries(inputs).filter(([, value]) => value !== null);
    const failures = present.flatMap(([property, value]): Failure[] => {
        if (OFFICIAL_ONLY.includes(property)) {
            return [{ property, reason: `the stand-in for the kubernetes plugin does not implement "${property}"` }];
        }
        const isFlag = property in FLAGS;
        if (!isFlag && ![...TEXTS, ...ENGINE].includes(property)) {
            return [{ property, reason: `"${property}" is no option of the kubernetes provider` }];
        }
        const plain = value instanceof Secret ? value.element : value;
        if (property === "enableServerSideApply" && String(plain) === "false") {
            return [{ property, reason: "the stand-in for the kubernetes plugin applies on the server only" }];
        }
        return isFlag && plain !== UNKNOWN && !["true", "false"].includes(String(plain))
            ? [{ property, reason: `"${property}" must be true or false` }]
            : [];
    });
    const hasKubeconfig = present.some(([name, value]) => name === "kubeconfig" && value !== "");
    const reason = "the stand-in for the kubernetes plugin needs a kubeconfig: it reads none from the environment";
    return hasKubeconfig ? failures : [...failures, { property: "kubeconfig", reason }];
}

/** @param variables `kubernetes:config:<option>` */
export function readSettings(variables: ReadonlyMap<string, string>): Settings {
    const text = (name: string) => variables.get(`kubernetes:config:${name}`);
    const flag = (name: keyof typeof FLAGS) => (text(name) ?? process.env[FLAGS[name]]) === "true";
    return {
        kubeconfig: text("kubeconfig") ?? "",
        context: text("context"),
        mutableConfigMaps: flag("enableConfigMapMutable"),
        upsertsExisting: flag("upsertExistingObjects"),
        forcesPatches: flag("enablePatchForce"),
        deletesUnreachable: flag("deleteUnreachable"),
        skipsUnreachable: flag("skipUpdateUnreachable"),
    };
}

export interface ConfigChanges {
    readonly changed: readonly string[];
    /** Options for which all objects of the provider are replaced. */
    readonly replacing: readonly string[];
}

/**
 * A changed cluster replaces every object: one with another `clusterIdentifier`, or, where none is set, one whose entry
 * in the kubeconfig differs (provider.go, DiffConfig). An unknown kubeconfig counts as another cluster.
 */
export function findConfigChanges(olds: PropertyMap, news: PropertyMap): ConfigChanges {
    const [before, after] = [withoutSecrets(olds), withoutSecrets(news)];
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const changed = names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
    if (changed.length === 0) return { changed, replacing: [] };
    const [oldId, newId] = [before.clusterIdentifier, after.clusterIdentifier];
    if (newId !== undefined && oldId === newId) return { changed, replacing: [] };
    const replacing = oldId !== undefined && newId !== undefined ? ["clusterIdentifier"] : [];
    const unknown = ["kubeconfig", "context"].find((name) => after[name] === UNKNOWN);
    if (unknown !== undefined) return { changed: [unknown], replacing: [...replacing, unknown] };
    const [oldCluster, newCluster] = [activeCluster(before), activeCluster(after)];
    const isOther = oldCluster !== undefined && newCluster !== undefined && !isDeepStrictEqual(oldCluster, newCluster);
    const reasons = isOther ? changed.filter((name) => ["kubeconfig", "context"].includes(name)) : [];
    return { changed, replacing: [...replacing, ...reasons] };
}

interface KubeconfigFile {
    readonly "current-context"?: string;
    readonly contexts?: readonly { readonly name: string; readonly context: { readonly cluster: string } }[];
    readonly clusters?: readonly { readonly name: string; readonly cluster: unknown }[];
}

function activeCluster(config: ReturnType<typeof withoutSecrets>): unknown {
    const { kubeconfig, context } = config as { kubeconfig?: string; context?: string };
    if (kubeconfig === undefined) return undefined;
    const file = parse(isFile(kubeconfig) ? readFileSync(kubeconfig, "utf8") : kubeconfig) as KubeconfigFile | null;
    const name = context ?? file?.["current-context"];
    const active = file?.contexts?.find((one) => one.name === name)?.context.cluster;
    return file?.clusters?.find((one) => one.name === active)?.cluster;
}

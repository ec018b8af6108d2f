import { type PlainMap, hasUnknown } from "./properties";
import { annotation, objectName } from "./state";

/** What a resource's type says: `kubernetes:config.openshift.io/v1:ImageDigestMirrorSet`. */
export interface ResourceType {
    readonly apiVersion: string;
    readonly kind: string;
    /** `…Patch`: it owns single fields of an object that is not its own. */
    readonly isPatch: boolean;
}

/** Groups of the API server itself; of their kinds only ConfigMap is implemented. */
const BUILT_IN = /^(core|apps|autoscaling|batch|events|extensions|policy|.*\.k8s\.io)$/;
/** Types of the plugin that are no objects. */
const NO_OBJECTS = /^kubernetes:(helm|kustomize|yaml)\b/;
const ANNOTATIONS = ["pulumi.com/patchFieldManager", "pulumi.com/patchForce", "pulumi.com/timeoutSeconds"];

export class UnsupportedError extends Error {
    constructor(what: string) {
        super(`the stand-in for the kubernetes plugin does not implement ${what}: install the official plugin for it`);
    }
}

/**
 * @param urn `urn:pulumi:<stack>::<project>::<parents' types$type>::<name>`
 * @throws UnsupportedError for everything but ConfigMaps, custom resources and their patches
 */
export function readType(urn: string, inputs: PlainMap): ResourceType {
    const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const [, version = "", name = ""] = type.split(":");
    const group = version.includes("/") ? version.slice(0, version.indexOf("/")) : "core";
    if (NO_OBJECTS.test(type) || (BUILT_IN.test(group) && !/^core\/v1:ConfigMap(Patch)?$/.test(`${version}:${name}`))) {
        throw new UnsupportedError(`the type ${type}`);
    }
    const { kind = name } = inputs;
    const apiVersion = version.replace(/^core\//, "");
    return { apiVersion, kind: String(kind), isPatch: name === `${String(kind)}Patch` };
}

/** @throws Error for inputs that the official plugin refuses, UnsupportedError for those that this one cannot handle */
export function requireSupported(type: ResourceType, inputs: PlainMap): void {
    const named = objectName(inputs) !== "" || hasUnknown(inputs.metadata ?? null);
    // provider.go, Check
    if (type.isPatch && !named) throw new Error("patch resources require the `.metadata.name` field to be set");
    if (!named) throw new UnsupportedError("objects without metadata.name");
    const { annotations } = inputs.metadata as { annotations?: PlainMap };
    const foreign = Object.keys(annotations ?? {}).find(
        (name) => /^pulumi\.com\//.test(name) && !ANNOTATIONS.includes(name),
    );
    if (foreign !== undefined) throw new UnsupportedError(`the annotation ${foreign}`);
}

/** The time that a resource may take, in milliseconds: its custom timeout, or its annotation. */
export function timeoutMs(customSeconds: number, inputs: PlainMap): number | undefined {
    const seconds = customSeconds || Number(annotation(inputs, "pulumi.com/timeoutSeconds") ?? 0);
    return seconds > 0 ? seconds * 1000 : undefined;
}

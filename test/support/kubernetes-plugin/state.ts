import { randomBytes } from "node:crypto";
import { type Plain, type PlainMap, type PropertyMap, isPlainMap, markSecrets, withoutSecrets } from "./properties";

/** What the state holds of an object: the program's inputs and the object as the API returned it. */
export interface ObjectState {
    readonly inputs: PlainMap;
    readonly live: PlainMap;
    /** The field manager that last applied the object. */
    readonly fieldManager: string | undefined;
    readonly initialApiVersion: string | undefined;
}

const FIELD_MANAGER = "pulumi.com/patchFieldManager";
/** Fields that the API server alone writes. */
const READ_ONLY = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

/** provider.go, parseCheckpointObject. */
export function readState(properties: PropertyMap): ObjectState {
    const { __inputs, __fieldManager, __initialApiVersion, ...live } = withoutSecrets(properties);
    return {
        inputs: isPlainMap(__inputs) ? __inputs : {},
        live,
        fieldManager: __fieldManager as string | undefined,
        initialApiVersion: __initialApiVersion as string | undefined,
    };
}

/**
 * provider.go, checkpointObject.
 *
 * @param from the inputs with their secrets: what is secret there is secret in the state, in the object too
 */
export function writeState(
    inputs: PlainMap,
    live: PlainMap,
    from: PropertyMap,
    manager: string,
    initialApiVersion: string,
): PropertyMap {
    return {
        ...markSecrets(live, from),
        __inputs: markSecrets(inputs, from),
        __initialApiVersion: initialApiVersion,
        __fieldManager: manager,
    };
}

/** provider.go, fieldManagerName: from the annotation, else from the state, else a new one. */
export function chooseFieldManager(inputs: PlainMap, known: string | undefined): string {
    return annotation(inputs, FIELD_MANAGER) ?? known ?? `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

export function annotation(object: PlainMap, name: string): string | undefined {
    const { annotations } = metadata(object);
    const value = isPlainMap(annotations) ? annotations[name] : undefined;
    return typeof value === "string" ? value : undefined;
}

export function metadata(object: PlainMap): PlainMap {
    return isPlainMap(object.metadata) ? object.metadata : {};
}

export function objectName(object: PlainMap): string {
    const { name } = metadata(object);
    return typeof name === "string" ? name : "";
}

export function objectNamespace(object: PlainMap): string | undefined {
    const { namespace } = metadata(object);
    return typeof namespace === "string" && namespace !== "" ? namespace : undefined;
}

/** @param namespace undefined removes it */
export function withNamespace(object: PlainMap, namespace: string | undefined): PlainMap {
    const { namespace: _, ...others } = metadata(object);
    return { ...object, metadata: namespace === undefined ? others : { ...others, namespace } };
}

/** provider.go, normalizeInputs. */
export function withoutReadOnly(object: PlainMap): PlainMap {
    if (!isPlainMap(object.metadata)) return object;
    const kept = Object.entries(object.metadata).filter(([key]) => !READ_ONLY.includes(key));
    return { ...object, metadata: Object.fromEntries<Plain>(kept) };
}

/** `namespace/name`, or the name of an object without namespace: the ID of the resource. */
export function objectId(object: PlainMap): string {
    const namespace = objectNamespace(object);
    return namespace === undefined ? objectName(object) : `${namespace}/${objectName(object)}`;
}

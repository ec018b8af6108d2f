import { z } from "zod";
import { PassthroughError } from "../../lib/errors/errors";
import { schemaIssues } from "../../lib/errors/schema-issues";

/** A resource as a stack's state has it. */
export interface RecordedResource {
    /** Its kind, without the package: `ImageImport`, or `Stack`. */
    readonly kind: string;
    /** The last part of its URN. */
    readonly name: string;
    readonly outputs: Readonly<Record<string, unknown>>;
    /** Why the last operation on it was done in part only; empty if it was done. */
    readonly initErrors: readonly string[];
    /** A run has replaced it, and ended before it was deleted. */
    readonly isLeftOver: boolean;
}

/** What a stack's state says, secrets encrypted. */
export interface RecordedStack {
    /** Of the state, RFC 3339: when the engine wrote it last. */
    readonly recordedAt: string;
    /** Of the Pulumi project; "" if there is no resource. */
    readonly project: string;
    readonly resources: readonly RecordedResource[];
    /** Operations that a run has begun and not ended: "creating cluster-trust". */
    readonly pending: readonly string[];
}

const resource = z.looseObject({
    urn: z.string(),
    type: z.string(),
    delete: z.boolean().optional(),
    initErrors: z.array(z.string()).nullish(),
    outputs: z.record(z.string(), z.unknown()).nullish(),
});

// The engine's apitype.DeploymentV3.
const document = z.looseObject({
    deployment: z.looseObject({
        manifest: z.looseObject({ time: z.string() }),
        resources: z.array(resource).nullish(),
        pending_operations: z
            .array(z.looseObject({ type: z.string(), resource: z.looseObject({ urn: z.string() }) }))
            .nullish(),
    }),
});

/**
 * A stack's state, as `pulumi stack export` gives it.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE` if it is none
 */
export function readRecordedStack(state: unknown, stack: string): RecordedStack {
    const parsed = document.safeParse(state);
    if (!parsed.success) {
        throw new PassthroughError(`its state is not one of Pulumi: ${schemaIssues(parsed.error)}`, {
            code: "STACK_STATE_UNAVAILABLE",
            thing: `stack ${stack}`,
            fix: "run `pulumi stack export` by hand and look at its output; update the Pulumi CLI if it is older than the state",
        });
    }
    const { manifest, resources, pending_operations: pending } = parsed.data.deployment;
    return {
        recordedAt: manifest.time,
        project: resources?.[0]?.urn.split("::", 2)[1] ?? "",
        resources: (resources ?? []).map(({ urn, type, outputs, initErrors, delete: isLeftOver }) => ({
            kind: type.slice(type.lastIndexOf(":") + 1),
            name: lastPart(urn),
            outputs: outputs ?? {},
            initErrors: initErrors ?? [],
            isLeftOver: isLeftOver === true,
        })),
        pending: (pending ?? []).map((operation) => `${operation.type} ${lastPart(operation.resource.urn)}`),
    };
}

function lastPart(urn: string): string {
    return urn.slice(urn.lastIndexOf("::") + 2);
}

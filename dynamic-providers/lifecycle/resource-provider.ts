import type { dynamic } from "@pulumi/pulumi";
import type { z } from "zod";
import { withoutSecrets } from "../../lib/distribution/auth/redaction";
import { errorMessage } from "../../lib/errors/errors";
import { requireTlsVerification } from "../../lib/distribution/http/tls-environment";
import { logCalls } from "./call-log";
import { ResourceLog } from "./engine";
import { running } from "./operations";
import { writing } from "../registry/shared-lookups";
import { adminCredentialsInput, configure, configuredSecrets, secretForms } from "../registry/settings";

/** What every resource gets as inputs beside its own: see `selfUrn` in resource.ts. */
export interface CommonInputs {
    /** The resource's own URN: the engine does not tell a provider, and its log needs it. */
    readonly selfUrn: string;
}

/** What an operation may use of its surroundings. */
export interface OperationContext {
    readonly signal: AbortSignal;
    readonly log: ResourceLog;
}

/** What one kind of resource does, free of Pulumi's calling conventions. `Outputs` is all that state holds. */
export interface ResourceProvider<Inputs extends CommonInputs, Outputs extends Inputs> {
    readonly inputs: z.ZodType<Inputs>;
    /** Names of inputs and outputs whose values no message may show. */
    readonly secrets: readonly (keyof Outputs & string)[];
    /**
     * Inputs that the kind itself decides from those before, so that a preview shows them. Pure, and works with values
     * that are not known yet; old inputs are empty for a new resource, and also when a replacement is made.
     */
    normalizeInputs?(olds: Partial<Inputs>, news: Inputs): Inputs;
    /** Says in the preview what is about to change; old inputs are empty for a new resource. Must not fail. */
    describeChanges?(olds: Partial<Inputs>, news: Inputs, log: ResourceLog, signal: AbortSignal): Promise<void>;
    /** A pure comparison of what state holds with what is wanted. */
    compare(olds: Outputs, news: Inputs): { readonly changes: boolean; readonly replaces?: readonly string[] };
    create(inputs: Inputs, context: OperationContext): Promise<{ id: string; outs: Outputs }>;
    /** Asks the registry; undefined only if it definitely says that the resource is gone. */
    read(olds: Outputs, context: OperationContext): Promise<{ outs: Outputs; inputs: Inputs } | undefined>;
    /** Must also be able to finish a create that was left half done. */
    update(olds: Outputs, news: Inputs, context: OperationContext): Promise<Outputs>;
    remove(olds: Outputs, context: OperationContext): Promise<void>;
}

/**
 * Thrown by a kind that did a part: the engine keeps `known` as the resource's state and calls `update` next time.
 * Every reason is shown to the user.
 */
export class PartialState extends Error {
    constructor(
        readonly id: string,
        readonly known: object,
        readonly reasons: readonly string[],
    ) {
        super(reasons.join("; "));
        this.name = "PartialState";
    }
}

/** What the engine puts in place of a value that is not known before the update. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

type Provider = Required<
    Pick<dynamic.ResourceProvider, "configure" | "check" | "diff" | "create" | "read" | "update" | "delete">
>;
type Properties = Record<string, unknown>;

/** Makes a Pulumi provider of a kind: the rules of the engine that every kind would otherwise have to know. */
export function createProvider<Inputs extends CommonInputs, Outputs extends Inputs>(
    kind: ResourceProvider<Inputs, Outputs>,
): Provider {
    const operate = <T>(props: Properties, operation: (context: OperationContext) => Promise<T>): Promise<T> =>
        running(async (signal) => {
            const secrets = () => [...configuredSecrets(), ...secretsOf(kind.secrets, props)];
            const log = new ResourceLog(typeof props.selfUrn === "string" ? props.selfUrn : "", secrets);
            try {
                // The program does not run in every refresh and destroy. Not in `configure`: the SDK calls it once, and
                // its error would fail only the first operation.
                requireTlsVerification();
                return await operation({ signal, log });
            } catch (error) {
                throw presentable(error, props, secrets());
            } finally {
                await log.flushed();
            }
        });
    return logCalls<Provider>({
        configure: async (request) => configure(request),
        check: (olds: Properties, news: Properties) =>
            operate(news, async ({ log, signal }) => {
                const failures = checkFailures(kind, news);
                if (failures.length > 0) return { inputs: news, failures };
                const given = news as unknown as Inputs;
                const inputs = kind.normalizeInputs?.(olds as Partial<Inputs>, given) ?? given;
                // A robot account that is yet to be made is no reason to say less about images.
                if (!hasUnknown(inTheOpen(kind.secrets, news)))
                    await kind.describeChanges?.(olds as Partial<Inputs>, inputs, log, signal);
                return { inputs, failures };
            }),
        diff: async (_id, olds: Outputs, news: Properties) => {
            if (hasUnknown(news)) return { changes: true };
            const { changes, replaces } = kind.compare(olds, news as unknown as Inputs);
            return { changes, ...(replaces ? { replaces: [...replaces] } : {}) };
        },
        create: (inputs: Inputs & Properties) =>
            operate(inputs, async (context) => clean(await writing(() => kind.create(inputs, context)))),
        update: (_id, olds: Outputs, news: Inputs & Properties) =>
            operate({ ...secretOlds(kind.secrets, olds), ...news }, async (context) => ({
                outs: clean(await writing(() => kind.update(olds, news, context))),
            })),
        read: (id, olds: Outputs & Properties) =>
            operate(olds, async (context) => {
                const found = await kind.read(olds, context);
                return found === undefined ? {} : clean({ id, props: found.outs, inputs: found.inputs });
            }),
        delete: (_id, olds: Outputs & Properties) =>
            operate(olds, (context) => writing(() => kind.remove(olds, context))),
    });
}

/** State takes JSON only: an `undefined` in it would throw after the work is done. */
function clean<T>(value: T): T {
    return JSON.parse(JSON.stringify(value)) as T;
}

/** A failure that names a secret property would be shown with its value: it names none then. */
function checkFailures<Inputs extends CommonInputs>(
    kind: { readonly inputs: z.ZodType<Inputs>; readonly secrets: readonly string[] },
    news: Properties,
): dynamic.CheckFailure[] {
    const parsed = kind.inputs.safeParse(news);
    if (parsed.success) return [];
    return parsed.error.issues
        .filter(({ path }) => !hasUnknown(news[String(path[0])]))
        .map(({ path, message }) => {
            const isSecret = kind.secrets.some((name) => name === path[0]);
            return { property: isSecret ? "" : path.join("."), reason: `${path.join(".")}: ${message}` };
        });
}

function hasUnknown(value: unknown): boolean {
    if (value === UNKNOWN) return true;
    if (typeof value !== "object" || value === null) return false;
    return Object.values(value).some(hasUnknown);
}

function inTheOpen(secrets: readonly string[], props: Properties): Properties {
    return Object.fromEntries(Object.entries(props).filter(([name]) => !secrets.includes(name)));
}

/** Secrets that only state has (a robot account's own): an update's error may show them no more than its inputs'. */
function secretOlds(names: readonly string[], olds: object): Properties {
    return Object.fromEntries(Object.entries(olds).filter(([name]) => names.includes(name)));
}

function secretsOf(names: readonly string[], props: Properties): string[] {
    const texts = (value: unknown): string[] => {
        if (typeof value === "string") return [value];
        if (typeof value !== "object" || value === null) return [];
        const account = adminCredentialsInput.safeParse(value);
        return account.success ? secretForms(account.data) : Object.values(value).flatMap(texts);
    };
    return names.flatMap((name) => texts(props[name]));
}

/** The error as the user sees it: without secrets, without a stack, and with the state of a part that was done. */
function presentable(error: unknown, props: Properties, secrets: readonly string[]): Error {
    const shown = new Error(withoutSecrets(errorMessage(error), secrets));
    shown.stack = "";
    if (!(error instanceof PartialState)) return shown;
    return Object.assign(shown, {
        id: error.id,
        // Without __provider the engine could neither refresh nor delete what it stores here.
        properties: clean({ ...props, ...error.known, __provider: props.__provider }),
        reasons: error.reasons.map((reason) => withoutSecrets(reason, secrets)),
    });
}

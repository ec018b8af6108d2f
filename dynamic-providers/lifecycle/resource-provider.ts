import { escapedLines } from "../../lib/errors/text";
import type { dynamic } from "@pulumi/pulumi";
import { withoutSecrets } from "../../lib/redaction/redaction";
import type { ErrorCode } from "../../lib/errors/codes";
import { errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { logFailure } from "../../lib/errors/failure-log";
import { logCalls } from "./call-log";
import { ResourceLog } from "./engine";
import type { OperationContext, ProviderProcess } from "./provider-process";
import { type CommonInputs, type CommonOutputs, PREVIEWED, type ResourceKind } from "./resource-kind";
import { TerminalLine } from "./terminal-line";
import { hasUnknown } from "./unknown-value";

/** What one kind of resource does, free of Pulumi's calling conventions. `Outputs` is all that state holds. */
export interface ResourceProvider<
    Inputs extends CommonInputs,
    Outputs extends Inputs & CommonOutputs,
    Process extends ProviderProcess = ProviderProcess,
> extends ResourceKind {
    /**
     * Inputs that the provider itself derives from the former ones, so that a preview shows them. Works with values that
     * are not known yet; old inputs are empty for a new resource, and also when a replacement is created.
     */
    normalizeInputs?(olds: Partial<Inputs>, news: Inputs, context: OperationContext<Process>): Inputs;
    /** Inputs that the provider finds out from the real thing, so that a preview shows them; after `normalizeInputs`. */
    findInputs?(olds: Partial<Inputs>, news: Inputs, context: OperationContext<Process>): Promise<Inputs>;
    /**
     * Logs in the preview what will change; old inputs are empty for a new resource. Throws only what the update would
     * certainly fail for: the preview fails then.
     */
    describeChanges?(olds: Partial<Inputs>, news: Inputs, context: OperationContext<Process>): Promise<void>;
    /**
     * Logs what an update will change and only state knows of, in the preview; called for every resource that is in state, also
     * with values that are not known yet. Throws only what the update would certainly fail for.
     */
    describeUpdate?(olds: Outputs, news: Inputs, context: OperationContext<Process>): void;
    /** `describeChanges` works with values that are not known yet; absent: it is not called then. */
    readonly describesUnknown?: true;
    /** A pure comparison of state with the inputs. */
    compare(olds: Outputs, news: Inputs): { readonly changes: boolean; readonly replaces?: readonly string[] };
    create(inputs: Inputs, context: OperationContext<Process>): Promise<{ id: string; outs: Outputs }>;
    /**
     * Looks at the real thing. One that definitely no longer exists stays, marked as `gone`; what cannot be found out
     * throws.
     */
    read(olds: Outputs, context: OperationContext<Process>): Promise<{ outs: Outputs; inputs: Inputs }>;
    /** Must also be able to finish a partial create, and to create again what is `gone`. */
    update(olds: Outputs, news: Inputs, context: OperationContext<Process>): Promise<Outputs>;
    remove(olds: Outputs, context: OperationContext<Process>): Promise<void>;
}

/**
 * Thrown by an operation that was done in part: the engine stores `known` as the resource's state and calls `update` next
 * time. Every reason is shown to the user.
 */
export class PartialState extends Error {
    constructor(
        readonly id: string,
        readonly known: object,
        readonly reasons: readonly string[],
        /** The codes of what went wrong. */
        readonly codes: readonly ErrorCode[],
    ) {
        super(reasons.join("; "));
        this.name = "PartialState";
    }
}

type Provider = Required<
    Pick<dynamic.ResourceProvider, "configure" | "check" | "diff" | "create" | "read" | "update" | "delete">
>;
type Properties = Record<string, unknown>;

/**
 * Makes a Pulumi provider of a resource provider: the engine's rules that each of them would otherwise have to know.
 * @param load gives the provider; called by every operation, so that a kind that a stack does not have need not be loaded
 */
export function createProvider<
    Inputs extends CommonInputs,
    Outputs extends Inputs & CommonOutputs,
    Process extends ProviderProcess = ProviderProcess,
>(load: () => ResourceProvider<Inputs, Outputs, Process>, process: Process): Provider {
    type Operation<T> = (
        provider: ResourceProvider<Inputs, Outputs, Process>,
        context: OperationContext<Process>,
    ) => Promise<T>;
    const operate = <T>(props: Properties, operation: Operation<T>): Promise<T> =>
        process.operations.run(async (signal) => {
            const provider = load();
            let texts: readonly string[] | undefined;
            // Read from whole kubeconfigs, and needed for every line of the log.
            const secrets = () => (texts ??= [...process.secretTexts(), ...secretTexts(provider, props)]);
            const urn = typeof props.selfUrn === "string" ? props.selfUrn : "";
            const terminalLine = new TerminalLine(urn.slice(urn.lastIndexOf("::") + 2));
            const log = new ResourceLog(urn, { engine: process.engine, secrets, terminalLine });
            try {
                // Not in `configure`: the SDK calls it once, and its error would fail only the first operation.
                process.requireSafety();
                return await operation(provider, { signal, log, process });
            } catch (error) {
                logFailure(error instanceof PartialState ? error.codes : errorCodes(error));
                throw presentableError(error, props, secrets());
            } finally {
                await log.flushed();
            }
        });
    /** URNs of which a preview of the same run has printed everything. */
    const printed = new Set<unknown>();
    return logCalls<Provider>({
        configure: async ({ config }) => process.configure((key) => config.get(key)),
        check: (olds: Properties, { [PREVIEWED]: isPrinted, ...news }: Properties) =>
            operate(news, async (provider, context) => {
                if (isPrinted === true) {
                    printed.add(news.selfUrn);
                    context.log.mute();
                }
                const failures = checkFailures(provider, news);
                if (failures.length > 0) return { inputs: news, failures };
                process.noteInputs(news);
                const given = news as unknown as Inputs;
                const normalized = provider.normalizeInputs?.(olds as Partial<Inputs>, given, context) ?? given;
                const inputs =
                    (await provider.findInputs?.(olds as Partial<Inputs>, normalized, context)) ?? normalized;
                // Credentials that are not known yet are no reason to describe less of the rest.
                if (provider.describesUnknown === true || !hasUnknown(withoutSecretProperties(provider, news)))
                    await provider.describeChanges?.(olds as Partial<Inputs>, inputs, context);
                return { inputs, failures };
            }),
        diff: async (_id, olds: Outputs, news: Properties) => {
            if (load().describeUpdate !== undefined && !printed.has(news.selfUrn)) {
                await operate({ ...secretProperties(load(), olds as Properties), ...news }, async (provider, context) =>
                    provider.describeUpdate?.(olds, news as unknown as Inputs, context),
                );
            }
            if (hasUnknown(news)) return { changes: true };
            const { changes, replaces } = load().compare(olds, news as unknown as Inputs);
            return { changes: changes || olds.gone === true, ...(replaces ? { replaces: [...replaces] } : {}) };
        },
        create: (inputs: Inputs & Properties) =>
            operate(inputs, async (provider, context) =>
                toJson(await process.write(() => provider.create(inputs, context))),
            ),
        update: (_id, olds: Outputs & Properties, news: Inputs & Properties) =>
            operate({ ...secretProperties(load(), olds), ...news }, async (provider, context) => ({
                outs: toJson(await process.write(() => provider.update(olds, news, context))),
            })),
        read: (id, olds: Outputs & Properties) =>
            operate(olds, async (provider, context) => {
                const { outs, inputs } = await provider.read(olds, context);
                return toJson({ id, props: outs, inputs });
            }),
        delete: (_id, olds: Outputs & Properties) =>
            operate(olds, (provider, context) => process.write(() => provider.remove(olds, context))),
    });
}

/** State takes JSON only: an `undefined` in it would throw after the work is done. */
function toJson<T>(value: T): T {
    return JSON.parse(JSON.stringify(value)) as T;
}

/** The engine prints the value of a property that a failure names: for a secret one it names none. */
function checkFailures({ inputs, secrets }: ResourceKind, news: Properties): dynamic.CheckFailure[] {
    const parsed = inputs.safeParse(news);
    if (parsed.success) return [];
    return parsed.error.issues
        .filter(({ path }) => !hasUnknown(news[String(path[0])]))
        .map(({ path, message }) => {
            const isSecret = secrets[String(path[0])] !== undefined;
            return { property: isSecret ? "" : path.join("."), reason: `${path.join(".")}: ${message}` };
        });
}

function withoutSecretProperties({ secrets }: ResourceKind, props: Properties): Properties {
    return Object.fromEntries(Object.entries(props).filter(([name]) => secrets[name] === undefined));
}

/** Secrets that only state has (a robot account's own): an update's error may show them no more than its inputs'. */
function secretProperties({ secrets }: ResourceKind, olds: Properties): Properties {
    return Object.fromEntries(Object.entries(olds).filter(([name]) => secrets[name] !== undefined));
}

function secretTexts({ secrets }: ResourceKind, props: Properties): string[] {
    return Object.entries(secrets).flatMap(([name, texts]) => [...texts(props[name])]);
}

/** The error as the user sees it: without secrets, without a stack, and with the state of what was done. */
function presentableError(error: unknown, props: Properties, secrets: readonly string[]): Error {
    const presentable = (text: string) => escapedLines(withoutSecrets(text, secrets));
    const shown = new Error(presentable(errorMessage(error)));
    shown.stack = "";
    if (!(error instanceof PartialState)) return shown;
    return Object.assign(shown, {
        id: error.id,
        // Without __provider the engine could neither refresh nor delete what it stores here.
        properties: toJson({ ...props, ...error.known, __provider: props.__provider }),
        reasons: error.reasons.map(presentable),
    });
}

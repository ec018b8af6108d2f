import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

/** Inputs that every resource has. */
export const commonInputs = z.object({
    /** The resource's own URN: a provider does not get it from the engine, and its log needs it. */
    selfUrn: z.string(),
});

export type CommonInputs = Readonly<z.infer<typeof commonInputs>>;

/**
 * An input that no state has, since the check removes it: a preview of the same run has printed what the check would print.
 * The engine shows no property whose name begins with two underscores in a diff.
 */
export const PREVIEWED = "__previewed";

/** Outputs that every resource may have. */
export interface CommonOutputs {
    /**
     * A refresh found that it no longer exists. It stays in state until the next update creates it again: a resource
     * that leaves the state while the program runs breaks a `refresh --run-program`.
     */
    readonly gone?: true | undefined;
}

/** The texts that would give a secret value away: itself, and what protocols make of it. */
export type SecretTexts = (value: unknown) => readonly string[];

/** What program and provider process must agree on about one kind of resource. */
export interface ResourceKind {
    /** `imageImport`: what `entry.ts` exports. State refers to it. */
    readonly name: string;
    readonly inputs: z.ZodObject;
    /** Outputs that are not inputs. */
    readonly outputs: readonly string[];
    /** Inputs and outputs whose values no message may show. */
    readonly secrets: Readonly<Record<string, SecretTexts>>;
}

/** Names of the inputs that a comparison is about: all but the URN and those that are compared in another way. */
export function comparedInputs({ inputs }: Pick<ResourceKind, "inputs">, except: readonly string[] = []): string[] {
    return Object.keys(inputs.shape).filter((name) => name !== "selfUrn" && !except.includes(name));
}

/** The names whose values differ. */
export function changedInputs(olds: object, news: object, names: readonly string[]): string[] {
    return names.filter((name) => !isDeepStrictEqual(Reflect.get(olds, name), Reflect.get(news, name)));
}

/** The inputs among a resource's state, as the engine keeps them for the next check. */
export function storedInputs<Inputs extends CommonInputs>(
    { inputs }: Pick<ResourceKind, "inputs">,
    state: Inputs,
): Inputs {
    const names = new Set([...Object.keys(inputs.shape), "__provider"]);
    return Object.fromEntries(Object.entries(state).filter(([name]) => names.has(name))) as unknown as Inputs;
}

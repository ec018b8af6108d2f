import { z } from "zod";
import { stackState } from "../stack/pulumi-stack";

const stateShape = z.looseObject({
    deployment: z.looseObject({ resources: z.array(z.looseObject({ type: z.string() })).nullish() }).nullish(),
});

/** The type of `MirrorValidation` in a state: it is declared after everything that its images need. */
const VALIDATION = /registry-passthrough:MirrorValidation$/;

/**
 * Whether the state of a stack has the proof of its images. A refresh compares what the state has, so it finds nothing
 * different where an `up` has ended before it created anything.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE`
 */
export async function hasProof(stack: string): Promise<boolean> {
    const { deployment } = stateShape.parse(await stackState(stack));
    return deployment?.resources?.some(({ type }) => VALIDATION.test(type)) === true;
}

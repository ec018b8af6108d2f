import { stackState } from "../stack/pulumi-stack";
import { readRecordedStack } from "../stack/recorded-stack";

/**
 * Whether the state of a stack has the proof of its images, which are proven after everything that they need. A refresh
 * compares what the state has, so it finds nothing different where an `up` has ended before it created anything.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE`
 */
export async function hasProof(stack: string): Promise<boolean> {
    const { resources } = readRecordedStack(await stackState(stack), stack);
    return resources.some(({ kind }) => kind === "MirrorValidation");
}

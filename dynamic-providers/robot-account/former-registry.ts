import { RegistryError, errorMessage } from "../../lib/errors/errors";
import { withManagement } from "../registry/connection";
import type { RegistryContext, RegistryProcess } from "../registry/registry-process";
import type { RobotAccountOutputs } from "./kind";

/** The former registry may be gone for good: the site has left it, and is not to wait for it. */
const RETRY_SECONDS = 10;

/**
 * True for a puller that the engine has replaced. It does so only where the registry moves: a rotation keeps the former
 * account in the state. That the site has another registry than the account is not enough: a move that failed may be taken
 * back, and another program has no configuration to ask.
 */
export function isLeftBehind(
    olds: RobotAccountOutputs,
    { generations }: Pick<RegistryProcess, "generations">,
): boolean {
    return olds.overlap !== undefined && (generations.get(olds.selfUrn) ?? 0) > olds.generation;
}

/**
 * What becomes of an account at a registry that the site has left. Clusters may still pull with the puller, so it stays.
 * The importer is deleted; where that fails it stays as well, since a registry that is gone must not hold up the site.
 * Either is named with what is to be done about it: no state has it any more.
 */
export async function leaveRegistry(olds: RobotAccountOutputs, context: RegistryContext): Promise<void> {
    const { robot, name, namespace, registry } = olds;
    if (olds.overlap !== undefined) {
        const names = [...(olds.retiredRobots ?? []), olds].map((one) => one.robot.username);
        const [verb, object] = names.length === 1 ? ["is", "it"] : ["are", "them"];
        const why = `clusters may still pull from there; delete ${object} when none does`;
        context.log.line("warning", `${names.join(", ")} at ${registry.mirrorBase} ${verb} not deleted: ${why}`);
        return;
    }
    try {
        const changes = { retrySeconds: Math.min(RETRY_SECONDS, registry.retrySeconds) };
        await withManagement(olds, context, ({ robots }) => robots.remove(robot, { name, namespace }), changes);
    } catch (error) {
        if (!(error instanceof RegistryError) || context.signal.aborted) throw error;
        const why = `${errorMessage(error)}\n    it may push there: delete it in the registry, if that still exists`;
        context.log.line("warning", `${robot.username} at ${registry.mirrorBase} is not deleted: ${why}`);
    }
}

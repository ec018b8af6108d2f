import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import { isMoving, replacedRegistry, withManagement } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type RobotRetirementInputs, robotRetirementKind as kind } from "./kind";
import { endedNames, knownProofs, retirementLines } from "./schedule";

export interface RobotRetirementOutputs extends RobotRetirementInputs, CommonOutputs {}

/** The others decide on these, or are how the registry is reached. */
const COMPARED = comparedInputs(kind, [
    "registry",
    "credentials",
    "account",
    "connectionSecrets",
    "current",
    "overlap",
    "users",
    "byHand",
]);

/**
 * Deletes earlier generations of a robot account. The resource depends on every user of the account, so the engine comes
 * here only when each was proven in this `up`; that each has the current generation is read from their state as well, since
 * `--target` and `--exclude` leave resources out.
 */
export const robotRetirementProvider: RegistryProvider<RobotRetirementInputs, RobotRetirementOutputs> = {
    ...kind,

    normalizeInputs: (olds, given) => {
        const news = { ...given, retired: retiredIn(given) };
        const provenAt = knownProofs(olds, news, new Date());
        const ended = endedNames(olds, news, new Date());
        return {
            ...news,
            ...(Object.keys(provenAt).length === 0 ? {} : { provenAt }),
            ...(ended.length === 0 ? {} : { ended }),
        };
    },

    describesUnknown: true,

    describeChanges: async (olds, news, { log }) => {
        // They stay at the former registry: the account says so.
        if (isMoving(olds, news)) return;
        for (const { severity, text } of retirementLines(olds, news, new Date())) log.line(severity, text);
    },

    compare: (olds, news) => {
        const replaces = replacedRegistry(olds, news);
        return {
            changes: replaces.length > 0 || changedInputs(olds, news, COMPARED).length > 0,
            ...(replaces.length > 0 ? { replaces } : {}),
        };
    },

    create: async (inputs, context) => {
        await deleteEnded(inputs, [], context);
        return { id: `${inputs.registry.mirrorBase}#retired`, outs: inputs };
    },

    update: async (olds, news, context) => {
        await deleteEnded(news, olds.ended ?? [], context);
        return news;
    },

    read: async (olds) => ({ outs: olds, inputs: storedInputs<RobotRetirementInputs>(kind, olds) }),

    // Whatever is left is in the state of the account, whose removal deletes it.
    remove: async () => undefined,
};

/**
 * In a preview the SDK (3.248) takes an output that state does not have for unknown: that of an account which nothing was
 * ever retired of. An account that changes has no known output at all.
 */
function retiredIn({ retired, current }: RobotRetirementInputs): RobotRetirementInputs["retired"] {
    return hasUnknown(retired) && !hasUnknown(current) ? [] : retired;
}

/** @param before short names of those that an earlier `up` has deleted */
async function deleteEnded(
    inputs: RobotRetirementInputs,
    before: readonly string[],
    context: RegistryContext,
): Promise<void> {
    const { namespace, retired, ended = [] } = inputs;
    const due = retired.filter(({ name }) => ended.includes(name) && !before.includes(name));
    if (due.length === 0) return;
    await withManagement(inputs, context, async ({ robots }) => {
        for (const { robot, name } of due) {
            await robots.remove(robot, { name, namespace });
            context.log.line("info", `${robot.username}: deleted`);
        }
    });
}

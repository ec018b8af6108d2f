import type { RegistryContext } from "../../../dynamic-providers/registry/registry-process";
import type { RobotAccountInputs, RobotAccountOutputs } from "../../../dynamic-providers/robot-account/kind";
import type { RobotRetirementInputs } from "../../../dynamic-providers/robot-retirement/kind";
import {
    type RobotRetirementOutputs,
    robotRetirementProvider as kind,
} from "../../../dynamic-providers/robot-retirement/provider";

/** State of a resource as the engine keeps it: inputs that were checked, and outputs. */
interface State {
    readonly inputs: RobotRetirementInputs;
    readonly outs: RobotRetirementOutputs;
}

/** The retirement of one robot account of a stack: each `up` is what the engine does with it. */
export class StackRetirement {
    private state: State | undefined;

    /**
     * What an `up` that comes as far as the retirement does; state stays as it was where it throws.
     * @param given absent: one user, that has the current account, and clusters that somebody changes by hand
     */
    async up(
        account: RobotAccountInputs,
        { robot, retiredRobots = [] }: RobotAccountOutputs,
        context: RegistryContext,
        given: Partial<Pick<RobotRetirementInputs, "users" | "byHand">> = {},
    ): Promise<void> {
        const { selfUrn, registry, credentials, namespace, overlap = 0 } = account;
        const inputs: RobotRetirementInputs = {
            ...{ selfUrn: `${selfUrn}-retirement`, registry, credentials, account: "admin", namespace, overlap },
            ...{ current: robot.username, retired: retiredRobots },
            ...{ users: [{ resource: "validation", username: robot.username }], byHand: true, ...given },
        };
        const news = kind.normalizeInputs?.(this.state?.inputs ?? {}, inputs, context) ?? inputs;
        await kind.describeChanges?.(this.state?.inputs ?? {}, news, context);
        if (this.state === undefined) {
            this.state = { inputs: news, outs: (await kind.create(news, context)).outs };
            return;
        }
        const { outs } = this.state;
        const { changes, replaces } = kind.compare(outs, news);
        if (replaces !== undefined) throw new Error(`replaced for ${replaces.join(", ")}`);
        this.state = { inputs: news, outs: changes ? await kind.update(outs, news, context) : outs };
    }

    /** What the nightly check finds: true if an `up` would do something. */
    differs(): boolean {
        if (this.state === undefined) throw new Error("not created");
        return kind.compare(this.state.outs, this.state.inputs).changes;
    }
}

import type { RegistryContext } from "../../../dynamic-providers/registry/registry-process";
import type { RobotAccountInputs, RobotAccountOutputs } from "../../../dynamic-providers/robot-account/kind";
import { robotAccountProvider as kind } from "../../../dynamic-providers/robot-account/provider";
import { PartialState } from "../../../dynamic-providers/lifecycle/resource-provider";
import { operationContext } from "../operation-context";
import { IMAGE, type RotationRegistry } from "./fake-registries";
import { StackRetirement } from "./stack-retirement";

type Role = RobotAccountInputs["role"];

/** State of a resource as the engine keeps it: inputs that were checked, and outputs. */
interface State {
    readonly inputs: RobotAccountInputs;
    readonly outs: RobotAccountOutputs;
}

/** One robot account of a stack, with its retirement: each `up` is what the engine does with them, in processes of their own. */
export class StackAccount {
    readonly lines: string[] = [];
    private state: State | undefined;
    /** Those that the engine has replaced and not deleted yet. */
    private pending: RobotAccountOutputs[] = [];
    private retirement = new StackRetirement();

    /** @param changes of the inputs of every `up` */
    constructor(
        private readonly registry: RotationRegistry,
        private readonly role: Role,
        private readonly changes: Partial<RobotAccountInputs> = {},
    ) {}

    get outs(): RobotAccountOutputs {
        if (this.state === undefined) throw new Error("not created");
        return this.state.outs;
    }

    /**
     * What `up` with a refresh does; state stays as it was where it throws.
     * @param signal by which it is interrupted
     */
    async up(changes: Partial<RobotAccountInputs> = {}, signal?: AbortSignal): Promise<void> {
        const context = this.context(signal);
        if (this.state !== undefined) this.state = await kind.read(this.state.outs, context);
        const inputs = { ...this.inputs(), ...changes };
        await this.apply(inputs, context);
        if (inputs.overlap !== undefined) await this.retirement.up(inputs, this.outs, context);
        await this.removePending(context);
    }

    /** An `up` that replaces the account, and fails at a resource that logs in with it. */
    async failedUp(changes: Partial<RobotAccountInputs> = {}): Promise<void> {
        const context = this.context();
        this.state = await kind.read(this.outs, context);
        await this.apply({ ...this.inputs(), ...changes }, context);
    }

    async destroy(): Promise<void> {
        await kind.remove(this.outs, this.context());
        this.state = undefined;
        this.retirement = new StackRetirement();
    }

    /** What the nightly check finds: true if something differs. */
    async differs(changes: Partial<RobotAccountInputs> = {}): Promise<boolean> {
        const context = this.context();
        const given = { ...this.inputs(), ...changes };
        const { outs, inputs } = await kind.read(this.outs, context);
        const news = kind.normalizeInputs?.(inputs, given, context) ?? given;
        return kind.compare(outs, news).changes;
    }

    inputs(): RobotAccountInputs {
        const { kind: type, fake, authority, mirrorBase } = this.registry;
        return {
            selfUrn: `urn:${this.role}`,
            registry: { type, mirrorBase, ca: authority.ca, retrySeconds: 0 },
            credentials: fake.admin,
            account: "admin",
            namespace: "mirror",
            role: this.role,
            stack: "test",
            owner: "a1b2c3d4",
            ...(this.role === "importer" ? { maxAge: 30 } : { maxAge: 90, overlap: 7 }),
            samples: [IMAGE],
            ...this.changes,
        };
    }

    private async apply(given: RobotAccountInputs, context: RegistryContext): Promise<void> {
        const { state } = this;
        const news = kind.normalizeInputs?.(state?.inputs ?? {}, given, context) ?? given;
        await kind.describeChanges?.(state?.inputs ?? {}, news, context);
        if (state === undefined) {
            this.state = { inputs: news, outs: (await kind.create(news, context)).outs };
            return;
        }
        const { changes, replaces = [] } = kind.compare(state.outs, news);
        if (replaces.length > 0) {
            // The engine checks a replacement again, without the old inputs.
            const checked = kind.normalizeInputs?.({}, given, context) ?? given;
            const { outs } = await kind.create(checked, context);
            this.pending.push(state.outs);
            this.state = { inputs: checked, outs };
        } else if (changes) this.state = { inputs: news, outs: await this.update(state.outs, news, context) };
        else this.state = { inputs: news, outs: state.outs };
    }

    /** What was done in part is in the state that the engine writes, unless it was killed. */
    private async update(olds: RobotAccountOutputs, news: RobotAccountInputs, context: RegistryContext) {
        return kind.update(olds, news, context).catch((error: unknown) => {
            if (error instanceof PartialState && !context.signal.aborted)
                this.state = { inputs: news, outs: error.known as RobotAccountOutputs };
            throw error;
        });
    }

    private async removePending(context: RegistryContext): Promise<void> {
        for (const replaced of this.pending) await kind.remove(replaced, context);
        this.pending = [];
    }

    private context(signal?: AbortSignal): RegistryContext {
        const context = operationContext(this.lines);
        return signal === undefined ? context : { ...context, signal };
    }
}

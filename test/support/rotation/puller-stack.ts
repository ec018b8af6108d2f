import type { RegistryContext } from "../../../dynamic-providers/registry/registry-process";
import type { RobotAccountInputs, RobotAccountOutputs } from "../../../dynamic-providers/robot-account/kind";
import { robotAccountProvider as kind } from "../../../dynamic-providers/robot-account/provider";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { ADMIN, ManagedHarbor } from "../harbor/managed-harbor";
import { operationContext } from "../operation-context";
import { StackRetirement } from "./stack-retirement";

/** State as the engine keeps it: inputs that were checked, and outputs. */
interface State {
    readonly inputs: RobotAccountInputs;
    readonly outs: RobotAccountOutputs;
}

/** A puller of the provider, on a Harbor that plays back what a real one does, with a clock of its own. */
export class PullerStack {
    /** What was printed. */
    readonly lines: string[] = [];
    context: RegistryContext = operationContext(this.lines);
    readonly retirement = new StackRetirement();

    private constructor(readonly on: ManagedHarbor) {}

    static async start(): Promise<PullerStack> {
        jest.useFakeTimers({
            now: Date.now(),
            doNotFake: [
                "nextTick",
                "setImmediate",
                "setTimeout",
                "setInterval",
                "queueMicrotask",
                "clearTimeout",
                "clearInterval",
                "performance",
                "hrtime",
            ],
        });
        const on = await ManagedHarbor.start();
        await on.managed().namespaces.create({ name: "mirror" });
        return new PullerStack(on);
    }

    async stop(): Promise<void> {
        jest.useRealTimers();
        await this.on.fake.stop();
    }

    /** From here on as in another run, whose process knows nothing of the one before. */
    startRun(): void {
        this.context = operationContext(this.lines);
    }

    inputs(): RobotAccountInputs {
        const { fake, authority } = this.on;
        return {
            selfUrn: `urn:${fake.host}`,
            registry: { type: "harbor", mirrorBase: `${fake.host}/mirror`, ca: authority.ca, retrySeconds: 0 },
            credentials: ADMIN,
            account: "admin",
            namespace: "mirror",
            role: "puller",
            stack: "test",
            owner: "a1b2c3d4",
            maxAge: 90,
            overlap: 7,
        };
    }

    /** Names of the robot accounts that the registry has. */
    robots(): string[] {
        return this.on.fake.harbor.robots.map(({ name }) => name).sort();
    }

    /** Sets the clock forward. */
    days(count: number): void {
        jest.setSystemTime(Date.now() + count * 86_400_000);
    }

    async created(): Promise<State> {
        const checked = kind.normalizeInputs?.({}, this.inputs(), this.context) ?? this.inputs();
        return { inputs: checked, outs: (await kind.create(checked, this.context)).outs };
    }

    async refreshed({ outs }: State): Promise<State> {
        return kind.read(outs, this.context);
    }

    /** An `up` with a refresh in which every user gets the account. */
    async up(before: State, changes: Partial<RobotAccountInputs> = {}): Promise<State> {
        const after = await this.rotated(before, changes);
        await this.retirement.up(after.inputs, after.outs, this.context);
        return after;
    }

    /** What an `up` with a refresh does to the account, before its users come. */
    async rotated(before: State, changes: Partial<RobotAccountInputs> = {}): Promise<State> {
        const { inputs: olds, outs } = await this.refreshed(before);
        const news = kind.normalizeInputs?.(olds, { ...this.inputs(), ...changes }, this.context) ?? this.inputs();
        await kind.describeChanges?.(olds, news, this.context);
        const { changes: isChanged, replaces } = kind.compare(outs, news);
        expect(replaces).toBeUndefined();
        return { inputs: news, outs: isChanged ? await kind.update(outs, news, this.context) : outs };
    }

    /** The status with which the registry greets an account. */
    async greeting({ login }: RobotAccountOutputs): Promise<number> {
        const client = new RegistryClient({
            endpoint: { host: this.on.fake.host, ca: this.on.authority.ca },
            credentials: login,
            retry: { seconds: 0, firstDelay: 1, longestDelay: 1 },
        });
        try {
            return await client.ping();
        } finally {
            await client.close();
        }
    }
}

import type { Credentials } from "../../lib/distribution/auth/credentials";
import { requireTlsVerification } from "../../lib/distribution/http/tls-environment";
import { Engine } from "../lifecycle/engine";
import { Operations } from "../lifecycle/operations";
import type { OperationContext, ProviderProcess, ReadConfig } from "../lifecycle/provider-process";
import type { CommonInputs, CommonOutputs } from "../lifecycle/resource-kind";
import type { ResourceProvider } from "../lifecycle/resource-provider";
import { DeclaredSets } from "./declared-sets";
import { OwnChanges } from "./own-changes";
import { SharedLookups } from "./shared-lookups";
import { StackSettings } from "./stack-settings";

/** What the resources of this package share in one provider process. */
export class RegistryProcess implements ProviderProcess {
    readonly engine = Engine.ofProcess();
    readonly operations = new Operations(this.engine);
    readonly lookups = new SharedLookups();
    readonly declaredSets = new DeclaredSets();
    /**
     * By URN, the generations of robot accounts that a check has decided on: the engine checks a replacement a second time,
     * without the old inputs.
     */
    readonly generations = new Map<string, number>();
    /**
     * By `mirrorBase`, what removes the repositories that no image needs any more and that are empty. An update of the
     * repositories, which comes before those of the images, leaves it here for whatever removes images afterwards.
     */
    readonly emptiedRepositories = new Map<string, () => Promise<void>>();
    /** By `mirrorBase`: projects and organizations that were found to have rules for immutable tags. */
    readonly immutableTags = new Set<string>();
    /**
     * By `mirrorBase`, the puller's account as its refresh found it: the refresh of images asks with it what the validation
     * has to ask with it anyway.
     */
    readonly pullers = new Map<string, Credentials>();
    /**
     * By `mirrorBase`, sources of images that an operation of this process has pushed or removed: a refresh that comes
     * later in the same run looks for what state still has, and must not report that as damage.
     */
    readonly ownChanges = new OwnChanges();
    private current = StackSettings.UNKNOWN;

    /**
     * @param options.followsConfiguration the stack's configuration is that of this program, and describes the one site
     * that it has; another program passes all of it as inputs
     */
    constructor(private readonly options: { readonly followsConfiguration: boolean }) {}

    get settings(): StackSettings {
        return this.current;
    }

    configure(read: ReadConfig): void {
        if (this.options.followsConfiguration) this.current = StackSettings.read(read);
    }

    /** The program, which checks the environment too, does not run in every refresh and destroy. */
    requireSafety(): void {
        requireTlsVerification();
    }

    secretTexts(): readonly string[] {
        return this.settings.secretTexts();
    }

    write<T>(operation: () => Promise<T>): Promise<T> {
        return this.lookups.invalidate(operation);
    }
}

export type RegistryContext = OperationContext<RegistryProcess>;
export type RegistryProvider<Inputs extends CommonInputs, Outputs extends Inputs & CommonOutputs> = ResourceProvider<
    Inputs,
    Outputs,
    RegistryProcess
>;

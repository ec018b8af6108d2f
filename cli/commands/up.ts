import { EXIT_OK } from "../exit-codes";
import { runEngine } from "../stack/engine-run";
import { selectedStack } from "../stack/selected-stack";

export interface UpOptions {
    readonly stack?: string;
    readonly configFile?: string;
}

/**
 * As `npm run up`, but it asks nothing. After an error it never goes on, whatever the environment says: Pulumi would delete
 * what is no longer wanted although its successor failed.
 */
const UP = ["up", "--yes", "--refresh", "--run-program", "--suppress-outputs", "--continue-on-error=false"];

/** Applies a stack unattended, with an exit code that says who has to act. */
export async function runUp({ stack: named, configFile }: UpOptions): Promise<number> {
    const stack = selectedStack(named);
    const { code, failureCode } = await runEngine(UP, { stack, configFile }, { stdout: "inherit" });
    return code === 0 ? EXIT_OK : failureCode;
}

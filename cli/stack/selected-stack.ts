/**
 * The stack a command works with: the one of `--stack`, else `PULUMI_STACK`, as `npm run up` takes it, else `dev`. Never
 * the one that Pulumi has selected.
 */
export function selectedStack(named: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
    return named ?? (env.PULUMI_STACK || "dev");
}

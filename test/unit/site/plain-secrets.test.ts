import { accountKeys, plainSecretIssues } from "../../../lib/site";

const names = (...keys: string[]) => keys.map((key) => `registry-passthrough:${key}`);

test("every secret key in plain text is reported with the command that encrypts it, and no other key", () => {
    const secret = accountKeys().flatMap(({ key, isSecret }) => (isSecret ? [key] : []));
    const others = accountKeys().flatMap(({ key, isSecret }) => (isSecret ? [] : [key]));
    const issues = plainSecretIssues([...names(...secret, ...others, "site", "kubeconfigs"), "aws:registryToken"], "b");
    expect(issues.map(({ key }) => key)).toEqual(secret);
    expect(secret).toContain("registryPassword");
    expect(issues[0]).toEqual({
        key: "registryPassword",
        problem: "it is a secret, and it is set in plain text",
        fix:
            "take it out of the stack file, replace it where it is from if others could read that file, as in git, " +
            "and set it with: npm run pulumi -- config set --secret registryPassword --stack b",
    });
});

test("the kubeconfig of one of several clusters is a secret too", () => {
    const [issue] = plainSecretIssues(names("kubeconfig-east"), "b");
    expect(issue?.key).toBe("kubeconfig-east");
    expect(issue?.fix).toContain("--raw | npm run -s pulumi -- config set --secret kubeconfig-east --stack b");
});

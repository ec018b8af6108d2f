import { registryAdmin } from "../../../lib/registries";

const jwt = (payload: object) =>
    `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2lnbmF0dXJl`;

test.each([
    ["jfrog", jwt({ sub: "jfac@01h0example/users/admin", scp: "applied-permissions/admin" }), "admin"],
    ["jfrog", jwt({ sub: "admin" }), "admin"],
    ["jfrog", jwt({ scp: "applied-permissions/admin" }), "token"],
    ["jfrog", "cmVmdGtuOjAxOjAwMDAwMDAwMDA", "token"],
    ["jfrog", "a.%%%.b", "token"],
    ["quay", "any", "$oauthtoken"],
] as const)("a token of %s logs in as its own user", (kind, token, username) => {
    expect(registryAdmin(kind).tokenUsername?.(token)).toBe(username);
});

import * as pulumi from "@pulumi/pulumi";
import type { AccountUser } from "../dynamic-providers/robot-retirement/kind";
import type { Credentials } from "../lib/http/credentials";

/** A resource whose state has the account that it works with. */
type WithCredentials = pulumi.CustomResource & { readonly credentials: pulumi.Output<Credentials> };

/** By name, resources that log in with an account. */
export type ResourcesByName = readonly (readonly [name: string, resource: WithCredentials])[];

/**
 * Which account the state of each resource has: of one that `--target` or `--exclude` leaves out, that of an earlier `up`.
 * Where the program runs in a refresh or a destroy, resources that state does not have are left out.
 */
export function accountUsers(resources: ResourcesByName): pulumi.Output<AccountUser[]> {
    const logins = resources.map(([resource, { credentials }]) =>
        credentials.apply((login?: Credentials | null) => (login ? [{ resource, username: login.username }] : [])),
    );
    // A user name alone is not secret: the state of the account has it in the clear.
    return pulumi.unsecret(pulumi.all(logins).apply((users) => users.flat()));
}

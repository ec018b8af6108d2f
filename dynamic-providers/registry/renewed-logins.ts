import type { Credentials } from "../../lib/http/credentials";

/** Logins of robot accounts to which this process has given a new secret under the same name. */
export class RenewedLogins {
    private readonly logins = new Map<string, Credentials>();

    set(mirrorBase: string, login: Credentials): void {
        this.logins.set(key(mirrorBase, login), login);
    }

    /** @returns the login with the account's new secret, or `login` itself if this process has not changed it */
    current(mirrorBase: string, login: Credentials): Credentials {
        return this.logins.get(key(mirrorBase, login)) ?? login;
    }
}

function key(mirrorBase: string, { username }: Credentials): string {
    return JSON.stringify([mirrorBase, username]);
}

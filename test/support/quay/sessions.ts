import { randomToken } from "./model";

interface Session {
    readonly csrf: string;
    username: string | undefined;
}

/** Sessions of a fake Quay: one cookie, named `_csrf_token`, and a CSRF token that a sign-in replaces. */
export class Sessions {
    private readonly all = new Map<string, Session>();

    begin(): { id: string; session: Session } {
        const id = randomToken(32);
        const session: Session = { csrf: randomToken(32), username: undefined };
        this.all.set(id, session);
        return { id, session };
    }

    end(): void {
        this.all.clear();
    }

    /** As a change of the user's password does. */
    endOf(username: string): void {
        for (const [id, session] of this.all) if (session.username === username) this.all.delete(id);
    }

    cookie(id: string): string {
        return `_csrf_token=${id}; HttpOnly; Path=/; SameSite=Lax`;
    }

    ofCookies(cookies: Readonly<Record<string, string>>): { id: string; session: Session } | undefined {
        const id = cookies._csrf_token ?? "";
        const session = this.all.get(id);
        return session === undefined ? undefined : { id, session };
    }

    /**
     * Another session, signed in: its cookie and its CSRF token stand in the answer's headers. The one before goes on,
     * as a cookie that holds its own session does, but is nobody's.
     */
    signedIn(username: string): Record<string, string> {
        const { id, session } = this.begin();
        session.username = username;
        return { "set-cookie": this.cookie(id), "x-next-csrf-token": session.csrf };
    }
}

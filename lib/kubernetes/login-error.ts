/** A login that issued nothing. */
export class LoginError extends Error {
    readonly fix: string;
    /** True if the same login cannot succeed later. */
    readonly isFinal: boolean;

    /** @param problem what is wrong; tokens and passwords in it are hidden by the session */
    constructor(problem: string, { fix, isFinal = false }: { readonly fix: string; readonly isFinal?: boolean }) {
        super(problem);
        this.name = new.target.name;
        this.fix = fix;
        this.isFinal = isFinal;
    }
}

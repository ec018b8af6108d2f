/** §3: a project as `GET /projects/{name}` shows it, with what other calls show of it. */
export interface FakeProject {
    readonly project_id: number;
    readonly name: string;
    readonly owner_name: string;
    /** Strings, all of them. */
    metadata: Record<string, string>;
    /** Bytes; -1 unlimited. */
    quota: number;
    /** Bytes that count against it; nothing is refused here when it is full. */
    used: number;
    registry_id?: number;
    immutable: { disabled?: boolean }[];
}

export interface Pair {
    readonly resource: string;
    readonly action: string;
    readonly effect?: string;
}

/** §3: a robot account. `name` is the stored one, `project+short`; the prefix comes in front where it is shown. */
export interface FakeRobot {
    readonly id: number;
    readonly project_id: number;
    readonly name: string;
    description: string;
    secret: string;
    duration: number;
    /** Seconds since the epoch. */
    creation: number;
    /** Seconds since the epoch; -1 never. */
    expires_at: number;
    disable: boolean;
    access: Pair[];
}

export interface FakeUser {
    readonly username: string;
    readonly password: string;
    readonly sysadmin: boolean;
}

export type Principal =
    | { readonly kind: "anonymous" }
    | { readonly kind: "user"; readonly user: FakeUser }
    | { readonly kind: "robot"; readonly robot: FakeRobot };

/** What the fake Harbor holds; tests change it as somebody with Harbor's interface would. */
export class Harbor {
    version = "v2.14.4-deadbeef";
    prefix = "robot$";
    readOnly = false;
    selfRegistration = false;
    deleteUntagged: boolean | undefined = undefined;
    unhealthy: string[] = [];
    readonly retentions = new Map<string, unknown>();
    readonly users: FakeUser[] = [];
    readonly projects: FakeProject[] = [];
    readonly robots: FakeRobot[] = [];
    private lastId = 0;

    /** Of projects that are made without a quota of their own (system settings, `storage_per_project`). */
    defaultQuota = -1;

    /** Ids are never used again. */
    nextId(): number {
        return ++this.lastId;
    }

    /** `2.14` as a number to compare. */
    get minor(): number {
        return Number(/^v2\.(\d+)/.exec(this.version)?.[1] ?? 0);
    }

    project(nameOrId: string, isName = false): FakeProject | undefined {
        const byId = !isName && /^\d+$/.test(nameOrId);
        return this.projects.find(({ name, project_id }) =>
            byId ? project_id === Number(nameOrId) : name === nameOrId,
        );
    }

    robot(name: string): FakeRobot {
        const found = this.robots.find((robot) => robot.name.endsWith(`+${name}`));
        if (found === undefined) throw new Error(`no robot account ${name}`);
        return found;
    }

    fullName(robot: FakeRobot): string {
        return `${this.prefix}${robot.name}`;
    }

    /** As if the robot account had been made so many days ago. */
    age(name: string, days: number): void {
        const robot = this.robot(name);
        robot.creation -= days * 86_400;
        if (robot.expires_at > 0) robot.expires_at -= days * 86_400;
    }

    /** As somebody does by hand. */
    removeRobot(name: string): void {
        const { id } = this.robot(name);
        remove(this.robots, (robot) => robot.id === id);
    }

    removeProject(id: number): void {
        remove(this.projects, ({ project_id }) => project_id === id);
        remove(this.robots, ({ project_id }) => project_id === id);
    }

    /** §3: wrong, expired and disabled credentials all make the request anonymous. */
    principal(login: { username: string; password: string } | undefined): Principal {
        if (login === undefined) return { kind: "anonymous" };
        const user = this.users.find(({ username, password }) => {
            return username === login.username && password === login.password;
        });
        if (user !== undefined) return { kind: "user", user };
        const robot = this.robots.find((one) => this.fullName(one) === login.username && one.secret === login.password);
        const isLive =
            robot !== undefined && !robot.disable && (robot.expires_at < 0 || robot.expires_at * 1000 > Date.now());
        return robot !== undefined && isLive ? { kind: "robot", robot } : { kind: "anonymous" };
    }

    /** May the principal do this in the project? A project's owner is its administrator. */
    may(principal: Principal, project: FakeProject, resource: string, action: string): boolean {
        if (principal.kind === "anonymous") return false;
        if (principal.kind === "user") return principal.user.sysadmin || principal.user.username === project.owner_name;
        const { robot } = principal;
        if (robot.project_id !== project.project_id) return false;
        return robot.access.some((pair) => pair.resource === resource && pair.action === action);
    }
}

export function remove<T>(list: T[], which: (item: T) => boolean): void {
    const at = list.findIndex(which);
    if (at !== -1) {
        list.splice(at, 1);
        remove(list, which);
    }
}

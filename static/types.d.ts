// The types of the page, for the type checker and for readers. The browser never fetches this file.

export type Mark = "X" | "O";
export type Status = "active" | "inactive" | "spectator";

export interface User {
	connectionId: string;
	username?: string;
	status: Status;
	marker?: Mark;
	joinedAt: string;
	streak?: number;
	absent?: string;
}

export interface Game {
	number: number;
	kind?: string;
	board: string;
	turn: Mark | null;
	players: Record<Mark, string>;
	status: "playing" | "won" | "draw" | "conceded" | "timeout" | "abandoned";
	winner?: Mark;
	line?: number[];
	deadline?: string;
}

/** A kind of game; games/index.js describes each property. */
export interface Kind {
	columns: number;
	rows: number;
	wonWords: string;
	drawnWords: string;
	grid: string[];
	cellAt(game: Game, index: number): number;
	play(game: Game, cell: number, mark: Mark): string;
	placeWords(index: number): string;
	strike(line: number[]): string;
}

export interface Hello {
	action?: undefined;
	connectionId?: string;
	sessionId?: string;
	now?: string;
	receivedAt?: number;
}

export interface Response {
	action: "response";
	route: string | null;
	requestId?: string;
	statusCode: number;
	body: { message: string };
}

export type Message =
	| Hello
	| Response
	| { action: "joinedQueue"; status: Status; marker?: Mark; position?: number }
	| { action: "queueUpdate"; sequence: number; waiting: number; spectators: number; data: User[] }
	| { action: "queueDelta"; sequence: number; waiting: number; spectators: number; upsert: User[]; remove: string[] }
	| { action: "gameUpdate"; game: Game | null }
	| { action: "local"; change: Partial<State> };

/** The connection; socket.js describes it. */
export interface Link {
	status: "connecting" | "live" | "waiting" | "replaced" | "removed";
	reason?: string;
	retryAt?: number;
	offline?: boolean;
}

export interface Result {
	game: Game;
	last: number | null;
	names: Record<Mark, string>;
}

/** What the page knows; state.js describes each property. */
export interface State {
	link: Link;
	clockOffset: number;
	name: string;
	me: { id?: string; status?: Status; marker?: Mark; position?: number };
	users: User[];
	waiting: number;
	spectators: number;
	game: Game | null | undefined;
	last: number | null;
	result: Result | null;
	pending: { cell: number; requestId: string } | null;
	notice: { text: string } | null;
}

/** The board as it is drawn. */
export interface ShownBoard {
	kind: Kind;
	board: string;
	last: number | null;
	line?: number[];
	over?: boolean;
	pending?: number;
}

export interface Slot {
	get(): string;
	set(value: string): void;
}

export type Memory = Record<"session" | "choice" | "name" | "sound", Slot>;

export interface Store {
	readonly state: State;
	dispatch(message: Message): void;
	change(part: Partial<State>): void;
	subscribe(listener: (before: State, after: State) => void): void;
}

export interface Connection {
	/** Connect, unless there is a connection. */
	open(): void;
	/** Send a message; return whether it could be sent. */
	send(message: object): boolean;
	/** Look whether the connection still works, and ask the server for its time. */
	wake(): void;
}

export interface Actions {
	enter(): Promise<void>;
	introduce(): void;
	move(index: number): void;
	rename(): Promise<void>;
	join(): Promise<void>;
	leave(): void;
	concede(): Promise<void>;
	retry(): void;
}

/** Paints a part of the page from the state and the server's time. */
export type View = (state: State, now: number) => void;

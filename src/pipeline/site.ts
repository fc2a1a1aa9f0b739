import { DbstashError, type Warn } from "../errors.ts";
import type { Place } from "../job/place.ts";
import type { Logger } from "../logger.ts";
import type { Rclone } from "../remote/rclone.ts";

/** One place of a backup that is being made. */
export interface Site {
  readonly place: Place;
  readonly rclone: Rclone;
  /** Its lines name the place where there are several. */
  readonly log: Logger;
  /** Takes a warning of this place, such as that of something left behind. */
  readonly warn: Warn;
  /**
   * The place is out: it will not have this backup, and the others go on.
   * @param cause why
   * @param cleaned settles when what it had of the backup is removed, or can't be; never rejects
   */
  miss(cause: unknown, cleaned?: Promise<void>): void;
}

/** Every place is out, each for a reason of its own that was told. */
export class NoPlaceLeft extends DbstashError {
  override readonly name = "NoPlaceLeft";

  constructor() {
    super("no place is left that takes the backup");
  }
}

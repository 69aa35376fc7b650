/** From where `File.seek` counts (GFD.90 section 4.3). The numbers are SAGA's: not those of POSIX, which start at 0. */
export const SeekMode = {
  /** From the beginning of the file. */
  Start: 1,
  /** From where the pointer is. */
  Current: 2,
  /** From the end of the file. */
  End: 3,
} as const;
export type SeekMode = (typeof SeekMode)[keyof typeof SeekMode];

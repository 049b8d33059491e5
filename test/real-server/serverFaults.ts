/**
 * Faults and peculiarities of InvokeAI itself: each release that has one is in this table, and the tests assert what the
 * server does there as it is.
 */
import * as Support from "./Support.ts"

/** Each with the first and the last minor release of InvokeAI 6 that has it. */
const faults = {
  /** `POST /api/v1/boards/` is 500 for every name, and the board is created. */
  failsAfterCreatingBoards: [10, 11],
  /** `cancel_by_destination` cancels the running item, and leaves it out of its count. */
  leavesRunningItemOutOfCount: [0, 13],
  /** `DELETE /api/v1/images/i/{image_name}` is 200 for an image that is missing. */
  deletesMissingImages: [0, 13],
  /** The library adds `is_published: null` to a workflow. */
  addsIsPublished: [0, 8],
  /** A graph with an Iterate node that nothing is connected to is 500, not 422. */
  failsOnUnconnectedIterate: [0, 11],
  /** A request about a missing image of a user who is not the administrator is 403, not 404. */
  forbidsMissingImages: [12, 13],
  /** Without a board in the filter, the names of images are those of all users. */
  listsForeignImageNames: [12, 13],
  /** Images and thumbnails need no token: any user, and no user, can read those of another. */
  servesForeignImageFiles: [12, 13]
} as const

/** Whether the server under test has a fault. */
export const hasFault = (fault: keyof typeof faults): boolean => {
  const [first, last] = faults[fault]
  return Support.since(`6.${first}`) && !Support.since(`6.${last + 1}`)
}

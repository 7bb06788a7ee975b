/** Shortest password that the site accepts. */
export const SHORTEST_PASSWORD = 12;

export interface Complaint {
  field: 'password' | 'again';
  text: string;
}

/** What is wrong with a new password, before it is sent; the site has the last word. */
export function complaintAbout(password: string, again: string): Complaint | null {
  if (password.length < SHORTEST_PASSWORD)
    return { field: 'password', text: `${SHORTEST_PASSWORD - password.length} more characters are needed.` };
  if (password !== again) return { field: 'again', text: 'The two are not the same.' };
  return null;
}

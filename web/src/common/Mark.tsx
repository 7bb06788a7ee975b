/** The sign of Kahua. */
export function Mark({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M9 7v18M9 17.5 21.5 7M13.5 14 23 25"
        fill="none"
        stroke="#12B5A5"
        strokeWidth="3.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

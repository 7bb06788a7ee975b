import {
  Badge,
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  Menu,
  Modal,
  NavLink,
  Paper,
  Skeleton,
  Table,
  Tooltip,
} from '@mantine/core';

const accent: MantineColorsTuple = [
  '#E3FAF7',
  '#C2F2EB',
  '#8FE5DA',
  '#57D5C6',
  '#2CC4B4',
  '#12B5A5',
  '#0E9F91',
  '#0B8679',
  '#087066',
  '#065850',
];

const dark: MantineColorsTuple = [
  '#D8DEE4',
  '#B6C0C9',
  '#94A0AB',
  '#84909B',
  '#303941',
  '#252C33',
  '#1C2228',
  '#101418',
  '#0C1013',
  '#080B0D',
];

const gray: MantineColorsTuple = [
  '#F7F9FA',
  '#EEF2F4',
  '#E2E8EB',
  '#D3DADF',
  '#B5BFC6',
  '#8D99A3',
  '#5B6771',
  '#48535C',
  '#2F383F',
  '#1B2227',
];

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 8, dark: 5 },
  // What is written on the accent differs between dark and light, which a single shade cannot tell.
  variantColorResolver: (input) => {
    const colours = defaultVariantColorsResolver(input);
    const isOnAccent = input.variant === 'filled' && (input.color ?? 'accent') === 'accent';
    return isOnAccent ? { ...colours, color: 'var(--kahua-on-accent)' } : colours;
  },
  colors: { accent, dark, gray },
  defaultRadius: 6,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'Liberation Mono', monospace",
  fontSizes: { xs: '12px', sm: '14px', md: '14px', lg: '16px', xl: '20px' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '20px', lineHeight: '28px' },
      h2: { fontSize: '16px', lineHeight: '24px' },
      h3: { fontSize: '14px', lineHeight: '20px' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Badge: Badge.extend({ defaultProps: { tt: 'none', fw: 500, radius: 4 } }),
    Paper: Paper.extend({ defaultProps: { bg: 'var(--kahua-panel)' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: false, transitionProps: { duration: 100 } } }),
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }), // a menu holds its items and nothing else
    Modal: Modal.extend({ defaultProps: { centered: true, transitionProps: { duration: 120 } } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 8 } }),
    NavLink: NavLink.extend({ defaultProps: { variant: 'light' } }),
    Skeleton: Skeleton.extend({ defaultProps: { radius: 6 } }),
  },
});

/** Colours of our own: quiet panels, hairlines, and one colour a status, each readable on its background. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: { '--kahua-rail': '56px' },
  dark: {
    '--kahua-on-accent': '#06201D',
    '--kahua-panel': '#171C21',
    '--kahua-line': '#262E35',
    '--kahua-good': '#4CC38A',
    '--kahua-bad': '#FF8589',
    '--kahua-warn': '#F0B454',
    '--kahua-live': '#6CB2F5',
    '--kahua-quiet': '#94A0AB',
    '--mantine-color-anchor': '#4FD1C3',
    '--mantine-color-error': '#FF8589',
  },
  light: {
    '--kahua-on-accent': '#FFFFFF',
    '--kahua-panel': '#FFFFFF',
    '--kahua-line': '#DDE3E7',
    '--kahua-good': '#13714A',
    '--kahua-bad': '#B42330',
    '--kahua-warn': '#8A5600',
    '--kahua-live': '#1B62B5',
    '--kahua-quiet': '#5B6771',
    '--mantine-color-body': '#F7F9FA',
    '--mantine-color-dimmed': '#5B6771',
    '--mantine-color-anchor': '#087066',
    '--mantine-color-error': '#B42330',
    '--mantine-color-placeholder': '#66727C',
  },
});

/** Addresses that are screens of the app; all others are the service's own pages. */
export const APP_ADDRESSES = /^\/(?:(?:space|leases?|owner|audit|account)(?:[/?]|$)|\?|$)/;

// Made by 'deno task view' from src/view. Do not change it by hand.

/** The page of the session view: HTML that loads nothing else. */
export const SESSION_PAGE: string =
  "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>Session</title>\n<style>:root {color-scheme: light dark;}</style>\n</head>\n<body>\n<main id=\"view\"></main>\n<script>(()=>{var e=\"starting\",t=document.getElementById(\"view\");t&&(t.textContent=`Session: ${e}`);})();</script>\n</body>\n</html>\n";

/*
 * coverage.h - which settings this version obeys: asked by the start-up report and by the import of a Windows
 * configuration, so that both say the same.
 */
#pragma once

#include <stdbool.h>

/* `element` is the schema path from the section on, e.g. "system.applicationHost/sites/siteDefaults/ftpServer/connections". */
bool coverage_has(const char *element, const char *attribute);

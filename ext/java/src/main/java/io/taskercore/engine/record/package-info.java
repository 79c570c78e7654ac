/** The transactions that record outcomes or give claims back, and what follows a commit. */
package io.taskercore.engine.record;

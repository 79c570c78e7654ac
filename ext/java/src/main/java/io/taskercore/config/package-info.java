/** What an operator may set: every key once, with its bounds, its default and its meaning. */
package io.taskercore.config;

/** The snippets of the documentation. What stands between the region marks is shown there, word for word. */
package com.example.hedgerow;
